import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createQueueRates } from '../../../src/temporal/queue-rates.js';
import { SubscriptionOverviews } from '../../../src/subscriptions/overview.js';
import { createSendTestEvent } from '../../../src/subscriptions/test-event.js';
import { startTestApi, type TestApi } from '../../support/api.js';
import { killAll, runHeadgate } from '../../support/headgate.js';
import { arrivals, startPipeline, type Pipeline } from '../../support/pipeline.js';
import { testNamespace } from '../../support/temporal.js';
import { until } from '../../support/until.js';

const SCOPES = 'subscriptions:read subscriptions:write';
const RULES = { rules: [{ name: 'late', on: ['flight.arrived'], when: 'true' }] };
const CRM = { name: 'crm', kind: 'push', url: 'https://crm.example/hooks' };
const WITHIN_MS = 10_000;

interface Shown {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly by?: string;
  readonly reason?: string;
  readonly waiting: { readonly batches?: number; readonly windows?: number; readonly oldestSeconds: number };
}

describe('/v1/subscriptions', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let api: TestApi;
  let dir: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-subscriptions-'));
    pipeline = await startPipeline({
      'sub-a': { subscriptions: [CRM, { name: 'queue', kind: 'pull' }], routes: [], ...RULES },
      'sub-b': { rules: [] },
      'sub-off': { limits: { activitiesPerSecond: 0 } },
    });
    const { client, control, registry } = pipeline;
    const configOf = (id: string) => registry.get(id)?.config;
    const notes = createQueueRates(client.connection, testNamespace());
    const overviews = new SubscriptionOverviews({ client, control, notes, configOf });
    const tenants = { 'sub-a': 'active', 'sub-b': 'active', 'sub-off': 'active' } as const;
    const sendTestEvent = createSendTestEvent({
      client,
      batchStore: pipeline.stores.batchStore,
      tenantOf: (id) => registry.get(id),
      isDraining: () => false,
    });
    api = await startTestApi({ tenants, subscriptions: { control, overviews, sendTestEvent } });
  });
  after(async () => {
    await killAll();
    await api?.close();
    await pipeline?.stop();
    await rm(dir, { recursive: true, force: true });
    assert.deepEqual(api.faults, []);
  });

  const tokenOf = (tenant: string, scope = SCOPES) => api.token({ tenant, scope, subject: `ops@${tenant}` });
  async function list(tenant: string): Promise<Shown[]> {
    const { status, body } = await api.get('/v1/subscriptions', await tokenOf(tenant));
    assert.equal(status, 200);
    return (body as unknown as { subscriptions: Shown[] }).subscriptions;
  }
  async function post(tenant: string, path: string, reason?: string): Promise<[number, string | undefined]> {
    const token = await tokenOf(tenant);
    const body = reason === undefined ? undefined : JSON.stringify({ reason });
    const answer = await api.post(body, { path: `/v1/subscriptions/${path}`, token });
    return [answer.status, answer.body.code];
  }
  async function cli(tenant: string, ...args: string[]) {
    const env = { HEADGATE_DATA_DIR: dir, HEADGATE_TOKEN: await tokenOf(tenant) };
    const [verb = '', ...rest] = args;
    return runHeadgate(['subscription', verb, ...rest, '--tenant', tenant, '--url', api.url], env);
  }

  it("shows a tenant's text to an operator's terminal as text, and never as a command to it", async () => {
    const evil = '\u001b]0;title\u0007\u001b[31m\u009b2J\u202ered\u2066\u007f';
    const body = JSON.stringify({ reason: evil });
    const token = await api.token({ tenant: 'sub-b', scope: SCOPES, subject: `ops${evil}` });
    const paused = await api.post(body, { path: '/v1/subscriptions/warehouse/pause', token });
    assert.equal(paused.status, 200);
    const outputs = await Promise.all([
      cli('sub-b', 'list'),
      cli('sub-b', 'show', 'warehouse'),
      cli('sub-b', 'list', '--json'),
      cli('sub-b', 'pause', `none${evil}`),
    ]);
    for (const { stdout, stderr } of outputs) {
      assert.match(stdout + stderr, /title|NOT_FOUND/);
      assert.doesNotMatch(
        stdout + stderr,
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/,
      );
    }
    const listed = JSON.parse(outputs[2]!.stdout) as { subscriptions: Shown[] };
    assert.equal(listed.subscriptions.find(({ name }) => name === 'warehouse')?.reason, evil);
    await post('sub-b', 'warehouse/resume');
  });

  it('takes a long reason of any characters', async () => {
    for (const character of ['ж', '"', '👍']) {
      const reason = character.repeat(Math.floor(500 / character.length));
      assert.deepEqual(await post('sub-a', 'crm/pause', reason), [200, undefined], character);
    }
    await post('sub-a', 'crm/resume');
  });

  it('lists the warehouse, and eligibility where there are rules, with the others', async () => {
    const names = (shown: Shown[]) => shown.map(({ name, kind, state }) => `${name} ${kind} ${state}`);
    assert.deepEqual(names(await list('sub-a')), [
      'warehouse warehouse active',
      'eligibility eligibility active',
      'crm push active',
      'queue pull active',
    ]);
    assert.deepEqual(names(await list('sub-b')), ['warehouse warehouse active']);
    for (const [name, status] of [
      ['warehouse', 200],
      ['eligibility', 404],
      ['crm', 404],
    ] as const) {
      const answer = await api.get(`/v1/subscriptions/${name}`, await tokenOf('sub-b'));
      assert.equal(answer.status, status, name);
    }
  });

  it('pauses the warehouse of the own tenant alone, and shows what waits until it is resumed', async () => {
    assert.deepEqual(await post('sub-a', 'warehouse/pause', 'the lake moves'), [200, undefined]);
    await (
      await pipeline.submit('sub-a', arrivals('sub-a', [90]))
    ).ended;
    await until(async () => {
      const [warehouse] = await list('sub-a');
      const { state, by, reason, waiting } = warehouse!;
      assert.deepEqual([state, by, reason], ['paused', 'ops@sub-a', 'the lake moves']);
      assert.equal(waiting.windows, 1);
      assert.ok(waiting.oldestSeconds > 0);
    }, WITHIN_MS);
    const [other] = await list('sub-b');
    assert.deepEqual([other?.state, other?.waiting.windows], ['active', 0]);
    const listed = await cli('sub-a', 'list');
    assert.match(listed.stdout, /warehouse.*paused.*1 load windows.*the lake moves, by ops@sub-a/);
    // Another tenant's resume is of its own warehouse.
    assert.deepEqual(await post('sub-b', 'warehouse/resume'), [200, undefined]);
    assert.equal((await list('sub-a'))[0]?.state, 'paused');

    const resumed = await cli('sub-a', 'resume', 'warehouse');
    assert.equal(resumed.stdout, 'warehouse is active\n');
    assert.equal((await list('sub-a'))[0]?.state, 'active');
  });

  it('shows one by the CLI', async () => {
    const shown = await cli('sub-a', 'show', 'warehouse');
    assert.match(shown.stdout, /^kind +warehouse$/m);
    assert.match(shown.stdout, /^waiting +\d+ load windows, the oldest for \d+ s$/m);
    assert.match(
      (await cli('sub-a', 'show', 'eligibility')).stdout,
      /^waiting +0 batches, the oldest for 0 s$/m,
    );
  });

  it('refuses to drain the warehouse, and to change eligibility, and says what to do instead', async () => {
    assert.deepEqual(await post('sub-a', 'warehouse/drain'), [409, 'SUBSCRIPTION_BUILT_IN']);
    assert.deepEqual(await post('sub-a', 'eligibility/pause'), [409, 'SUBSCRIPTION_BUILT_IN']);
    assert.deepEqual(await post('sub-b', 'eligibility/pause'), [404, 'NOT_FOUND']);
    const { code, stderr } = await cli('sub-a', 'pause', 'eligibility');
    assert.equal(code, 1);
    assert.match(stderr, /remove the rules from the tenant's file, sub-a\.yaml/);
    assert.equal((await list('sub-a'))[0]?.state, 'active');
  });

  it('shows a warehouse whose loads the configuration holds back as paused by it', async () => {
    const [warehouse] = await list('sub-off');
    assert.deepEqual([warehouse?.state, warehouse?.by], ['paused', 'configuration']);
  });

  it('sends a test event to one subscription of the own tenant alone', async () => {
    assert.deepEqual(await post('sub-b', 'queue/test'), [404, 'NOT_FOUND']);
    assert.deepEqual(await post('sub-a', 'warehouse/test'), [409, 'SUBSCRIPTION_BUILT_IN']);
    assert.deepEqual(await post('sub-a', 'eligibility/test'), [409, 'SUBSCRIPTION_BUILT_IN']);
    const { stdout } = await cli('sub-a', 'test', 'queue');
    const [, batchId = ''] = /on its way to queue, in batch (\S+)$/m.exec(stdout) ?? [];
    await until(async () => {
      const waits = (await list('sub-a')).map(({ name, waiting }) => [name, waiting.batches]);
      assert.deepEqual(waits.slice(2), [
        ['crm', 0],
        ['queue', 1],
      ]);
    }, WITHIN_MS);
    const batch = { tenant: 'sub-a', stream: 'events', batchId } as const;
    const { ndjson } = await pipeline.stores.batchStore.open(batch);
    const { type, data } = JSON.parse(ndjson.toString('utf8')) as { type: string; data: { by: string } };
    assert.deepEqual([type, data.by], ['headgate.subscription.test', 'ops@sub-a']);
  });

  it('asks for a scope of its own', async () => {
    const token = await tokenOf('sub-a', 'events:write subscriptions:read');
    const answer = await api.post(undefined, { path: '/v1/subscriptions/warehouse/pause', token });
    assert.deepEqual([answer.status, answer.body.code], [403, 'SCOPE_MISSING']);
  });
});
