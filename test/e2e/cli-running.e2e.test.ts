import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../bench/system/free-port.js';
import { FLIGHTS } from '../support/flights.js';
import {
  killAll,
  nodeEnvironment,
  runHeadgate,
  spawnHeadgate,
  type HeadgateProcess,
} from '../support/headgate.js';
import { assertExact } from '../support/parquet.js';
import { sendTenant, weeksOf } from '../support/producer.js';
import { until } from '../support/until.js';

const LOADED_WITHIN_MS = 20_000;

describe('the commands, beside a running Headgate', function () {
  this.timeout(60_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  let node: HeadgateProcess;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-cli-'));
    const port = await freePort();
    env = { ...(await nodeEnvironment(dir)), HEADGATE_PORT: String(port) };
    url = `http://127.0.0.1:${port}`;
    node = spawnHeadgate(['start', '--tenants', join(FLIGHTS, 'tenants')], env);
    await node.ready();
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  const run = (...args: string[]) => runHeadgate(args, env);
  const send = (file: string, tenant: string, stream: string) => [
    'send',
    file,
    '--tenant',
    tenant,
    '--stream',
    stream,
  ];

  async function token(tenant: string, scope: string, expires = '1h'): Promise<string> {
    const { code, stdout } = await run('token', '--tenant', tenant, '--scope', scope, '--expires', expires);
    assert.equal(code, 0);
    return stdout.trim();
  }

  async function post(bearer: string, id: string): Promise<[number, { code?: string; detail?: string }]> {
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify({ specversion: '1.0', id, source: '/test', type: 'test.posted' }),
    });
    return [response.status, (await response.json()) as { code?: string; detail?: string }];
  }

  async function tenantIsKnown(tenant: string): Promise<void> {
    const bearer = await token(tenant, 'decisions:read');
    const headers = { authorization: `Bearer ${bearer}` };
    assert.equal((await fetch(`${url}/v1/eligibility/none`, { headers })).status, 404);
  }

  it('give tokens that open what they say, until they expire', async () => {
    const wrong = await token('US', 'decisions:read');
    assert.equal((await post(await token('US', 'events:write', '1h'), 'token-1'))[0], 202);
    const [status, problem] = await post(wrong, 'token-2');
    assert.deepEqual([status, problem.code], [403, 'SCOPE_MISSING']);
    assert.match(problem.detail ?? '', /"events:write"/);
    const headers = { authorization: `Bearer ${await token('US', 'decisions:read', '1s')}` };
    await until(async () => {
      const expired = await fetch(`${url}/v1/eligibility/none`, { headers });
      const { code } = (await expired.json()) as { code?: string };
      assert.deepEqual([expired.status, code], [401, 'TOKEN_EXPIRED']);
    }, 10_000);
  });

  it('send files of several tenants at once, properties and then events, gzipped and not; all exact', async () => {
    const weeks = weeksOf(['WN', 'VX', 'FL', 'HA']);
    const plain = join(dir, 'HA.ndjson');
    const mine = weeks.get('HA')!.events.map((event) => `${JSON.stringify(event)}\n`);
    await writeFile(plain, mine.join(''));
    await Promise.all(
      [...weeks].map(async ([tenant, { events, properties }]) => {
        const files = [join(FLIGHTS, 'aircraft.ndjson.gz'), join(FLIGHTS, 'flights.ndjson.gz')] as const;
        const first = await run(...send(files[0], tenant, 'user-properties'));
        assert.equal(first.code, 0, first.stderr);
        assert.equal(first.stdout, sent(properties.length, properties.length, 0));
        const second = await run(...send(tenant === 'HA' ? plain : files[1], tenant, 'events'));
        assert.equal(second.stdout, sent(events.length, events.length, 0), second.stderr);
      }),
    );
    for (const [tenant, week] of weeks)
      await until(() => assertExact(join(dir, 'warehouse'), tenant, week), LOADED_WITHIN_MS);
    const again = await run(...send(plain, 'HA', 'events'));
    assert.equal(again.stdout, sent(mine.length, 0, mine.length));
  });

  it('leave events to wait for properties that were acknowledged before them, however many', async () => {
    const seats = { name: 'seats', on: ['landed'], when: 'profile.seats == 180' };
    await writeFile(join(dir, 'heels.yaml'), JSON.stringify({ tenant: 'heels', rules: [seats] }));
    assert.equal((await run('tenant', 'apply', join(dir, 'heels.yaml'))).code, 0);
    const event = (id: string, type: string, subject: number, data: Record<string, unknown>) => ({
      id,
      source: '/test',
      specversion: '1.0',
      type,
      subject: `N${subject}`,
      data,
      time: '2024-03-10T12:00:00Z',
    });
    const properties = Array.from({ length: 5_000 }, (_, n) =>
      event(`p${n}`, 'registered', n, { seats: 180 }),
    );
    const events = [0, 2_500, 4_999].map((n) => event(`e${n}`, 'landed', n, {}));
    await until(() => tenantIsKnown('heels'), 5_000);
    const options = { url, dataDir: dir, requestEvents: 2_500 };
    const decisions = new Map(events.map(({ id }) => [`${id} seats`, 'eligible']));
    await sendTenant('heels', { events, properties, decisions }, options);
    const week = { events, properties, decisions };
    await until(() => assertExact(join(dir, 'warehouse'), 'heels', week), LOADED_WITHIN_MS);
  });

  it('resume a file that was interrupted where it stood', async () => {
    await writeFile(join(dir, 'slow.yaml'), 'tenant: slow\nlimits: { eventsPerSecond: 500 }\n');
    assert.equal((await run('tenant', 'apply', join(dir, 'slow.yaml'))).code, 0);
    const file = join(dir, 'slow.ndjson');
    const line = (n: number) => `{"specversion":"1.0","id":"s${n}","source":"/test","type":"t"}\n`;
    await writeFile(file, Array.from({ length: 3_000 }, (_, n) => line(n)).join(''));
    const interrupted = spawnHeadgate(send(file, 'slow', 'events'), env);
    const cursor = join(dir, 'send');
    await until(async () => {
      const [name] = existsSync(cursor) ? await readdir(cursor) : [];
      assert.ok(name !== undefined && Number(await readFile(join(cursor, name), 'utf8')) >= 500);
    }, 10_000);
    await interrupted.signal('SIGKILL');
    const { stdout, code } = await run(...send(file, 'slow', 'events'));
    assert.equal(code, 0);
    const [, lines, skipped, accepted, duplicates] = (
      /^sent ([\d,]+) events, after ([\d,]+) lines of an earlier run: ([\d,]+) accepted, ([\d,]+) duplicates, 0 rej/.exec(
        stdout,
      ) ?? []
    ).map((text) => Number(text.replaceAll(',', '')));
    assert.ok(skipped! >= 499 && lines! + skipped! === 3_000, stdout);
    assert.equal(accepted! + duplicates!, lines!);
    const count = 'SELECT count(*) AS n, count(DISTINCT id) AS ids FROM events';
    await until(async () => {
      const { stdout: json } = await run('query', 'slow', count, '--json');
      assert.deepEqual(JSON.parse(json), [{ n: 3_000, ids: 3_000 }]);
    }, LOADED_WITHIN_MS);
    assert.deepEqual(await readdir(cursor), []);
  });

  it('say what is rejected, and send the rest', async () => {
    const file = join(dir, 'mixed.ndjson');
    const good = '{"specversion":"1.0","id":"good","source":"/test","type":"t"}';
    await writeFile(file, `${good}\nnot JSON\n{"specversion":"1.0","id":"untyped","source":"/test"}\n`);
    const { code, stdout } = await run(...send(file, 'slow', 'events'));
    assert.equal(code, 2);
    assert.match(stdout, /1 accepted, 0 duplicates, 2 rejected/);
    assert.match(stdout, /line 2: .*\n +line 3 \(untyped\): .*type/);
  });

  it('query as a table and as JSON', async () => {
    const sql = "SELECT rule, count(*) AS n FROM decisions WHERE outcome = 'eligible' GROUP BY rule";
    const { code, stdout } = await run('query', 'VX', `${sql} UNION ALL SELECT 'none', 0`);
    assert.equal(code, 0);
    assert.match(stdout, /│ rule .*│ n /);
    const json = await run('query', 'WN', 'SELECT count(*) AS n FROM user_properties_latest', '--json');
    assert.deepEqual(JSON.parse(json.stdout), [{ n: 177 }]);
  });

  it('put a new tenant into force within seconds, and an invalid file changes nothing', async () => {
    const bearer = await token('fresh', 'events:write');
    assert.deepEqual((await post(bearer, 'f1'))[1].code, 'TENANT_UNKNOWN');
    const file = join(dir, 'fresh.yaml');
    const config = (when: string) =>
      `tenant: fresh\nisolation: dedicated\nrules:\n  - { name: any, on: [test.posted], when: ${when} }\n`;
    await writeFile(file, config('"true"'));
    assert.match((await run('tenant', 'apply', file)).stdout, /fresh added/);
    await until(async () => assert.equal((await post(bearer, 'f1'))[0], 202), 5_000);
    await writeFile(file, config('"event.("'));
    const refused = await run('tenant', 'apply', file);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /fresh\.yaml:4:\d+: /);
    assert.equal((await post(bearer, 'f2'))[0], 202);
    await until(async () => {
      const { stdout } = await run(
        'query',
        'fresh',
        'SELECT event_id, outcome FROM decisions ORDER BY 1',
        '--json',
      );
      const rows = ['f1', 'f2'].map((event_id) => ({ event_id, outcome: 'eligible' }));
      assert.deepEqual(JSON.parse(stdout), rows);
    }, LOADED_WITHIN_MS);
  });

  it('find a running Headgate in good health', async () => {
    const { code, stdout } = await run('doctor');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /ok +port \d+ +in use, by something that answers \/healthz/);
    assert.match(stdout, /ok +temporal +127\.0\.0\.1:\d+ answers for namespace "test-\d+"/);
  });

  it('refuse a second Headgate on the same data directory, and leave the first in peace', async () => {
    const { code, stderr } = await runHeadgate(['start'], { ...env, HEADGATE_PORT: '0' });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /headgate: This data directory is used by process \d+ on host \S+ \(since .*DATA_DIR_IN_USE/,
    );
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
  });

  it('drain at SIGTERM under load and end with 0; what was acknowledged goes on at the next start', async () => {
    const weeks = weeksOf(['US']);
    const options = { url, dataDir: dir, requestEvents: 10, pauseMs: 30 };
    const sending = sendTenant('US', weeks.get('US')!, options);
    await sleep(1_000);
    const { code, stderr } = await node.signal('SIGTERM');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /"id":"STOPPED"/);
    node = spawnHeadgate(['start'], env);
    await Promise.all([node.ready(), sending]);
    const posted = { id: 'token-1' } as never;
    const week = { ...weeks.get('US')!, events: [...weeks.get('US')!.events, posted] };
    await until(() => assertExact(join(dir, 'warehouse'), 'US', week), LOADED_WITHIN_MS);
  });

  it('remove a tenant: without its data it comes back as it was, with it its id is as good as new', async function () {
    this.timeout(120_000);
    const others = await token('VX', 'events:write');
    await post(others, 'kept');
    const before = await post(others, 'kept');
    assert.match(JSON.stringify(before), /duplicate/);
    const file = join(dir, 'leaver.yaml');
    const rules = [{ name: 'often', on: ['test.posted'], when: 'aggregates.posts >= 1' }];
    const aggregates = { posts: { on: ['test.posted'], op: 'count', window: '1 day' } };
    const subscriptions = [{ name: 'jobs', kind: 'pull' }];
    const routes = [{ match: {}, to: ['jobs'] }];
    const config = { tenant: 'leaver', aggregates, rules, subscriptions, routes };
    await writeFile(file, JSON.stringify(config));
    assert.match((await run('tenant', 'apply', file)).stdout, /leaver added/);
    const bearer = await token('leaver', 'events:write decisions:read');
    const postOne = async () => {
      const event = { specversion: '1.0', id: 'l1', source: '/test', type: 'test.posted', subject: 'c' };
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      });
      const { results, code } = (await response.json()) as { results?: { status: string }[]; code?: string };
      return results?.[0]?.status ?? code;
    };
    const decisionsOn = async () =>
      (await fetch(`${url}/v1/eligibility/c`, { headers: { authorization: `Bearer ${bearer}` } })).status;
    const rows = async () => (await run('query', 'leaver', 'SELECT id FROM events', '--json')).stdout;
    await until(async () => assert.equal(await postOne(), 'accepted'), 5_000);
    await until(async () => assert.match(await rows(), /l1/), LOADED_WITHIN_MS);
    const paused = await run('subscription', 'pause', 'jobs', '--tenant', 'leaver', '--reason', 'a test');
    assert.equal(paused.code, 0, paused.stderr);
    const source = await run('source', 'create', 'web', '--tenant', 'leaver');
    assert.match(source.stdout, /^c[a-z0-9]{24}\n$/, source.stderr);

    await writeFile(file, JSON.stringify({ ...config, subscriptions: [], routes: [] }));
    const without = await run('tenant', 'apply', file);
    assert.match(
      without.stdout,
      /subscription jobs is removed: 1 batch that waits for it becomes dead letters/,
    );
    await until(async () => {
      const { stdout } = await run('dead-letters', 'list', '--tenant', 'leaver', '--json');
      assert.match(stdout, /subscription-removed/);
    }, 10_000);
    await writeFile(file, JSON.stringify(config));

    const inUse = await run('tenant', 'remove', 'leaver', '--data', '--yes');
    assert.match(
      inUse.stderr,
      /This data directory is used by process .*Stop that Headgate.*DATA_DIR_IN_USE/,
    );
    const removed = await run('tenant', 'remove', 'leaver');
    assert.match(removed.stdout, /leaver removed; what is kept of it stays:\n +rows: .*leaver/);
    await until(async () => assert.equal(await postOne(), 'TENANT_UNKNOWN'), 5_000);
    const refused = await run('tenant', 'apply', file);
    assert.match(refused.stderr, /leaver is not configured now, and was before.*\n.*STATE_CONFLICT/s);
    assert.match((await run('tenant', 'apply', file, '--keep-data')).stdout, /leaver added/);
    await until(async () => assert.equal(await postOne(), 'duplicate'), 5_000);
    assert.equal(await decisionsOn(), 200);

    assert.equal((await node.signal('SIGTERM')).code, 0);
    const unsure = await run('tenant', 'remove', 'leaver', '--data');
    assert.match(
      unsure.stderr,
      /This removes of leaver, for good:\n +its file: .*There is no way back: add --yes/s,
    );
    const gone = await run('tenant', 'remove', 'leaver', '--data', '--yes');
    assert.match(
      gone.stdout,
      /leaver is removed: 1 subjects, \d+ workflows, 0 events that waited, and its files/,
      gone.stderr,
    );
    for (const place of ['warehouse', 'batches', 'deliveries', 'tenant-versions'])
      assert.ok(!existsSync(join(dir, place, 'leaver')), place);
    assert.ok(!existsSync(join(dir, 'sources', 'leaver.json')), 'its write keys');
    assert.match(
      (await run('tenant', 'remove', 'leaver', '--data')).stderr,
      /nothing of it is kept here.*TENANT_UNKNOWN/s,
    );
    assert.match((await run('tenant', 'apply', file)).stdout, /leaver added/);
    node = spawnHeadgate(['start'], env);
    await node.ready();
    assert.equal(await decisionsOn(), 404);
    assert.doesNotMatch(await rows(), /l1/);
    const listed = await run('subscription', 'list', '--tenant', 'leaver', '--json');
    const { subscriptions: found } = JSON.parse(listed.stdout) as {
      subscriptions: { name: string; state: string }[];
    };
    assert.equal(found.find(({ name }) => name === 'jobs')?.state, 'active');
    assert.equal(await postOne(), 'accepted');
    await until(async () => assert.match(await rows(), /l1/), LOADED_WITHIN_MS);
    // Nothing of others went with it.
    assert.deepEqual(await post(others, 'kept'), before);
  });
});

function sent(lines: number, accepted: number, duplicates: number): string {
  const [all, taken, known] = [lines, accepted, duplicates].map((count) => count.toLocaleString('en-US'));
  return `sent ${all} events: ${taken} accepted, ${known} duplicates, 0 rejected\n`;
}
