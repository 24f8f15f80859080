import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApi } from '../../src/commands/call-api.js';
import { createReplayClient, type ReplayView } from '../../src/commands/replay-client.js';
import type { AppliedCounts } from '../../src/workflows/messages/replays.js';
import {
  killAll,
  nodeEnvironment,
  runHeadgate,
  spawnHeadgate,
  type HeadgateProcess,
} from '../support/headgate.js';
import { tokenFor } from '../support/producer.js';
import { until } from '../support/until.js';

const SOON_MS = 20_000;
const AT = Date.now() - 3_600_000;
const at = (minute: number): string => new Date(AT + minute * 60_000).toISOString();

/** What `GET /v1/eligibility/:subject` says of a rule. */
interface Told {
  readonly rule: string;
  readonly outcome: string;
  readonly ruleVersion: string;
  readonly eventId: string;
}

describe('a replay that makes its decisions current, with API and workers apart', function () {
  this.timeout(120_000);
  let dir: string;
  let env: Record<string, string>;
  let api: HeadgateProcess;
  let url: string;
  let former: Map<string, Told>;
  let upTo: string;
  let probes = 0;

  /** Passengers of flights so late are owed something. */
  const file = (tenant: string, minutes: number): string =>
    JSON.stringify({
      tenant,
      batch: { linger: '50ms' },
      rules: [{ name: 'owed', on: ['flight.arrived'], when: `event.data.minutes >= ${minutes}` }],
    });

  const arrived = (id: string, subject: string, minute: number, minutes: number) => ({
    specversion: '1.0',
    id,
    source: '/airports/EWR',
    type: 'flight.arrived',
    subject,
    time: at(minute),
    data: { minutes },
  });

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-apply-'));
    env = await nodeEnvironment(dir);
    for (const tenant of ['UA', 'DL']) await give(tenant, 180);
    api = spawnHeadgate(['api'], env);
    ({ url } = await api.ready());
    await spawnHeadgate(['worker'], env).ready();
    for (const tenant of ['UA', 'DL'])
      await post(tenant, [
        arrived('a1', 'ann', 1, 100),
        arrived('b1', 'bob', 1, 100),
        arrived('c1', 'cat', 1, 30),
      ]);
    former = new Map([
      ['UA', await told('UA', 'ann')],
      ['DL', await told('DL', 'ann')],
    ]);
    await apply('UA', 90);
    upTo = new Date().toISOString();
    // Decided on by the rule in force now, after what is replayed.
    await post('UA', [arrived('b2', 'bob', 2, 5)]);
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function post(tenant: string, events: readonly object[]): Promise<void> {
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await tokenFor(dir, tenant, 'events:write')}`,
        'content-type': 'application/cloudevents-batch+json',
      },
      body: JSON.stringify(events),
    });
    assert.equal(response.status, 202, await response.text());
  }

  async function told(tenant: string, subject: string): Promise<Told> {
    const headers = { authorization: `Bearer ${await tokenFor(dir, tenant, 'decisions:read')}` };
    const response = await fetch(`${url}/v1/eligibility/${subject}`, { headers });
    assert.equal(response.status, 200);
    const { decisions } = (await response.json()) as { decisions: Told[] };
    assert.equal(decisions.length, 1);
    return decisions[0]!;
  }

  async function give(tenant: string, minutes: number): Promise<void> {
    const path = join(dir, `${tenant}.yaml`);
    await writeFile(path, file(tenant, minutes));
    const { code, stderr } = await runHeadgate(['tenant', 'apply', path], env);
    assert.equal(code, 0, stderr);
  }

  /** Applies a threshold, and waits until the API decides by it: it hears of the file. */
  async function apply(tenant: string, minutes: number): Promise<void> {
    const deciding = async (): Promise<string> => {
      const probe = `probe-${++probes}`;
      await post(tenant, [arrived(probe, probe, 0, 0)]);
      return (await told(tenant, probe)).ruleVersion;
    };
    const version = await deciding();
    await give(tenant, minutes);
    await until(async () => assert.notEqual(await deciding(), version), SOON_MS);
  }

  async function replay(tenant: string, ...args: string[]): Promise<ReplayView> {
    const to = ['--tenant', tenant, '--url', url, '--json', '--rules', 'current'];
    const ended = await runHeadgate(['replay', ...to, '--apply-current', ...args], env);
    assert.equal(ended.code, 0, ended.stderr + ended.stdout);
    return JSON.parse(ended.stdout) as ReplayView;
  }

  /** Events are there to be replayed once they are in a batch. */
  const replayed = (...args: string[]): Promise<AppliedCounts> =>
    until(async () => {
      const { report } = await replay('UA', '--to', upTo, ...args);
      const applied = report?.applied ?? assert.fail('nothing was applied');
      const { madeCurrent, alreadyCurrent, older } = applied;
      // ann, bob and cat, beside the probes.
      assert.ok(madeCurrent + alreadyCurrent + older >= 3, JSON.stringify(report));
      return applied;
    }, SOON_MS);

  it('says in a dry run what would become current, and changes nothing', async () => {
    const { madeCurrent, older, ruleChanged } = await replayed('--dry-run');
    assert.deepEqual([madeCurrent >= 2, older, ruleChanged], [true, 1, 0]);
    assert.deepEqual(await told('UA', 'ann'), former.get('UA'));
  });

  it('makes them current, but where a newer one is known; another tenant has what it had', async () => {
    const bob = await told('UA', 'bob');
    assert.equal(bob.eventId, 'b2');
    const { older, ruleChanged } = await replayed();
    assert.deepEqual([older, ruleChanged], [1, 0]);
    const ann = await told('UA', 'ann');
    assert.deepEqual([ann.outcome, ann.eventId, ann.ruleVersion], ['eligible', 'a1', bob.ruleVersion]);
    assert.equal((await told('UA', 'cat')).ruleVersion, bob.ruleVersion);
    assert.deepEqual(await told('UA', 'bob'), bob);
    assert.deepEqual(await told('DL', 'ann'), former.get('DL'));
  });

  it('changes nothing the second time', async () => {
    const { madeCurrent, alreadyCurrent, older } = await replayed();
    assert.deepEqual([madeCurrent, alreadyCurrent >= 2, older], [0, true, 1]);
  });

  it('is of the tenant of the token alone', async () => {
    const ann = await told('UA', 'ann');
    const { report } = await replay('DL');
    assert.equal(report?.applied?.madeCurrent, 0);
    assert.deepEqual([await told('UA', 'ann'), await told('DL', 'ann')], [ann, former.get('DL')]);
  });

  it('goes on where the API was killed in the middle, and what it has made current outlives that', async () => {
    await apply('UA', 20);
    const client = createReplayClient(openApi(url, () => tokenFor(dir, 'UA', 'replays:read replays:write')));
    const slow = { rules: 'current', applyCurrent: true, to: upTo, eventsPerSecond: 1 } as const;
    const { id } = await client.start(slow);
    await until(async () => assert.ok(((await client.show(id)).progress?.events ?? 0) > 0), SOON_MS);
    await api.signal('SIGKILL');
    api = spawnHeadgate(['api'], env);
    ({ url } = await api.ready());
    assert.equal((await told('UA', 'cat')).outcome, 'ineligible');
    const again = createReplayClient(openApi(url, () => tokenFor(dir, 'UA', 'replays:read')));
    await until(async () => assert.equal((await again.show(id)).status, 'completed'), 60_000);
    const cat = await told('UA', 'cat');
    assert.deepEqual([cat.outcome, cat.eventId], ['eligible', 'c1']);
    assert.equal((await told('UA', 'bob')).eventId, 'b2');
    await api.signal('SIGKILL');
    api = spawnHeadgate(['api'], env);
    ({ url } = await api.ready());
    assert.deepEqual(await told('UA', 'cat'), cat);
  });

  it('is refused for rules that are not in force', async () => {
    const path = join(dir, 'UA.yaml');
    await writeFile(path, file('UA', 1));
    const args = ['--tenant', 'UA', '--url', url, '--rules', path, '--apply-current'];
    const { code, stderr } = await runHeadgate(['replay', ...args], env);
    assert.equal(code, 1);
    assert.match(stderr, /none of the rules of "rules" is in force/);
  });
});
