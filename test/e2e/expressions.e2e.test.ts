import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { tokenFor } from '../support/producer.js';

const NESTED = 'event.data.l.all(a, event.data.l.all(b, a + b >= 0.0))';

describe('Headgate, with a tenant whose expressions cost too much', function () {
  this.timeout(60_000);
  let dir: string;
  let url: string;
  let env: Record<string, string>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-expressions-'));
    const port = await freePort();
    env = { ...(await nodeEnvironment(dir)), HEADGATE_PORT: String(port) };
    url = `http://127.0.0.1:${port}`;
    mkdirSync(join(dir, 'tenants'));
    const rules = [
      { name: 'nested', on: ['a'], when: NESTED },
      { name: 'plain', on: ['a'], when: 'event.data.n == 1 && profile.tier == "gold"' },
    ];
    const routes = [{ match: { type: 'a', when: NESTED }, to: ['crm'] }];
    const aggregates = { x: { on: ['a'], op: 'sum', value: 'event.data.nope', window: '1h' } };
    const subscriptions = [{ name: 'crm', kind: 'pull' }];
    const costly = { tenant: 'costly', rules, routes, subscriptions, aggregates };
    const quiet = { tenant: 'quiet', rules: [{ name: 'plain', on: ['a'], when: 'event.data.n == 1' }] };
    for (const config of [costly, quiet])
      writeFileSync(join(dir, 'tenants', `${config.tenant}.yaml`), JSON.stringify(config));
    await spawnHeadgate(['start'], env).ready();
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function post(tenant: string, data: object): Promise<void> {
    const event = { specversion: '1.0', id: '1', source: '/test', type: 'a', subject: 's', data };
    const authorization = `Bearer ${await tokenFor(dir, tenant, 'events:write')}`;
    const headers = { authorization, 'content-type': 'application/cloudevents+json' };
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', body: JSON.stringify(event), headers });
    assert.equal(answer.status, 202);
  }

  async function decisions(tenant: string): Promise<string[]> {
    const authorization = `Bearer ${await tokenFor(dir, tenant, 'decisions:read')}`;
    const answer = await fetch(`${url}/v1/eligibility/s`, { headers: { authorization } });
    const text = await answer.text();
    const { decisions: made } = JSON.parse(text) as {
      decisions: { rule: string; outcome: string; reason: string }[];
    };
    return made.map(({ rule, outcome, reason }) => `${rule}: ${outcome}: ${reason}`);
  }

  it('decides that without them, counts it, and decides on the rest and on others', async () => {
    const l = Array.from({ length: 3_000 }, (_, i) => i);
    await post('costly', { l, n: 1 });
    await post('quiet', { n: 1 });
    assert.deepEqual(await decisions('costly'), [
      'nested: ineligible: too costly',
      'plain: ineligible: profile.tier is missing',
    ]);
    assert.deepEqual(await decisions('quiet'), ['plain: eligible: event.data.n = 1']);
    const text = await (await fetch(`${url}/metrics`)).text();
    const counted = text.split('\n').filter((line) => line.startsWith('headgate_expression_failures_total'));
    const line = (owner: string, name: string, code: string) =>
      `headgate_expression_failures_total{tenant="costly",owner="${owner}",name="${name}",code="${code}"} 1`;
    assert.deepEqual(counted.sort(), [
      line('aggregate', 'x', 'MISSING'),
      line('route', '0', 'TOO_COSTLY'),
      line('rule', 'nested', 'TOO_COSTLY'),
      line('rule', 'plain', 'MISSING'),
    ]);
  });

  it('says with `headgate route --explain` that the filter is too costly', async () => {
    const file = join(dir, 'event.json');
    const l = Array.from({ length: 3_000 }, (_, i) => i);
    writeFileSync(
      file,
      JSON.stringify({ specversion: '1.0', id: '2', source: '/test', type: 'a', data: { l } }),
    );
    const { stdout } = await runHeadgate(['route', '--tenant', 'costly', '--explain', file], env);
    assert.match(stdout, /no: "when" fails: too costly/);
  });
});
