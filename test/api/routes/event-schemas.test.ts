import assert from 'node:assert/strict';
import { createMetrics } from '../../../src/observability/create-metrics.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { compileTenant, type LoadedTenant } from '../../../src/tenants/config/tenant-file.js';
import { cloudEvent, startTestApi, type TestApi } from '../../support/api.js';

const V2 = 'https://acme.example/booking/2';

const FILE = `
tenant: UA
schemas:
  - type: booking.made
    schema:
      type: object
      required: [amount]
      properties: { amount: { type: number }, seats: { type: array, items: { type: integer } } }
  - { type: booking.made, dataschema: '${V2}', schema: { required: [total] } }
  - { type: booking.seen, mode: warn, schema: { required: [page] } }
  - { type: booking.lost, mode: off, schema: { required: [why] } }
`;

function loaded(text: string): LoadedTenant {
  return compileTenant(parseTenantConfig(text, 'UA.yaml'), text);
}

describe('events with schemas', () => {
  let api: TestApi;
  let tenants: Record<string, LoadedTenant>;

  beforeEach(async () => {
    tenants = { UA: loaded(FILE), DL: loaded('tenant: DL') };
    api = await startTestApi({ metrics: createMetrics(), schemasOf: (tenant) => tenants[tenant]?.schemas });
  });
  afterEach(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  const made = (id: string, data: unknown, more: object = {}) =>
    cloudEvent(id, { type: 'booking.made', data, ...more });
  const post = (events: unknown, more: object = {}) => api.post(JSON.stringify(events), more);

  async function ids(tenant?: string): Promise<string[]> {
    await api.drained();
    return api.events(tenant).map(({ id }) => id);
  }

  async function violations(): Promise<string[]> {
    const text = await (await fetch(`${api.url}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith('headgate_schema_violations_total'));
  }

  it('rejects what does not fit an enforced schema, says where and why, and takes the rest', async () => {
    const bad = made('bad', { amount: 5, seats: [1, 'hunter2'] });
    const { status, body } = await post([made('one', { amount: 5 }), bad, made('two', { amount: 6 })]);
    assert.deepEqual([status, body.accepted, body.rejected], [202, 2, 1]);
    assert.deepEqual(body.results[1], {
      index: 1,
      id: 'bad',
      status: 'rejected',
      code: 'schema_violation',
      reason: 'data/seats/1 must be integer',
      pointer: '/seats/1',
    });
    assert.deepEqual(await ids(), ['one', 'two']);
    assert.deepEqual(await violations(), ['headgate_schema_violations_total{tenant="UA",mode="enforce"} 1']);
    const again = await post(made('bad', { amount: 5 }));
    assert.equal(again.body.accepted, 1, 'an event that was rejected can be fixed under its id');
  });

  it('answers 422 when nothing fits, and counts data that is missing or not JSON as a violation', async () => {
    const base64 = made('base64', undefined, { data_base64: 'AAAA' });
    const { status, body } = await post([made('none', undefined), base64]);
    assert.deepEqual([status, body.code, body.rejected], [422, 'NOTHING_ACCEPTED', 2]);
    assert.deepEqual(
      body.results.map(({ code, reason, pointer }) => [code, reason, pointer]),
      Array(2).fill(['schema_violation', 'data is missing', '']),
    );
    assert.equal((await post(made('alone', {}))).body.detail, "data must have required property 'amount'");
  });

  it('takes and counts what does not fit a schema that warns, and leaves one that is off alone', async () => {
    const events = [
      cloudEvent('seen', { type: 'booking.seen', data: {} }),
      cloudEvent('fits', { type: 'booking.seen', data: { page: 1 } }),
      cloudEvent('lost', { type: 'booking.lost', data: {} }),
      cloudEvent('other', { data: 7 }),
    ];
    const { body } = await post(events);
    assert.deepEqual([body.accepted, body.rejected], [4, 0]);
    assert.deepEqual(await ids(), ['seen', 'fits', 'lost', 'other']);
    assert.deepEqual(await violations(), ['headgate_schema_violations_total{tenant="UA",mode="warn"} 1']);
  });

  it('chooses by dataschema, and falls back to the schema of the type', async () => {
    const { body } = await post([
      made('v2', { total: 5 }, { dataschema: V2 }),
      made('v2-bad', { amount: 5 }, { dataschema: V2 }),
      made('v3', { amount: 5 }, { dataschema: `${V2}3` }),
      made('v3-bad', { total: 5 }, { dataschema: `${V2}3` }),
    ]);
    assert.deepEqual(
      body.results.map(({ status }) => status),
      ['accepted', 'rejected', 'accepted', 'rejected'],
    );
  });

  it('checks user properties of the type as well', async () => {
    const { status, body } = await post(made('p', { amount: 'x' }), { path: '/v1/user-properties' });
    assert.deepEqual([status, body.results[0]?.pointer], [422, '/amount']);
  });

  it('does not apply to another tenant', async () => {
    const token = await api.token({ tenant: 'DL' });
    const { status, body } = await post(made('dl', { amount: 'x' }), { token });
    assert.deepEqual([status, body.accepted], [202, 1]);
    assert.deepEqual(await ids('DL'), ['dl']);
    assert.deepEqual(await violations(), []);
  });

  it('follows a change of the file from the next request on', async () => {
    assert.equal((await post(made('before', {}))).status, 422);
    tenants.UA = loaded(FILE.replace('- type: booking.made', '- type: booking.made\n    mode: warn'));
    assert.equal((await post(made('before', {}))).status, 202);
    tenants.UA = loaded('tenant: UA');
    assert.equal((await post(made('after', {}, { dataschema: V2 }))).status, 202);
  });
});
