import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { BatchReceipt } from '../../src/receipts/receipts.js';
import type { ReplayView } from '../../src/commands/replay-client.js';
import type { FaultPoint } from '../../src/platform/fault-point.js';
import { signToken } from '../../src/keys/key-set.js';
import { createCrashNode } from '../support/crash-node.js';
import {
  killAll,
  nodeEnvironment,
  runHeadgate,
  sharedTemporal,
  spawnHeadgate,
  type Finished,
  type HeadgateProcess,
} from '../support/headgate.js';
import { countInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

const TENANT = 'shop';
const IDS = Array.from({ length: 40 }, (_, index) => `order-${index}`);
const newKey = (): string => randomBytes(32).toString('base64');

/** All files below a directory. */
function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

describe('a Headgate whose batches are encrypted', function () {
  this.timeout(180_000);
  let dir: string;
  let env: Record<string, string>;
  let node: HeadgateProcess;
  let url: string;
  let crm: WebhookReceiver;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-encrypted-'));
    env = {
      ...(await nodeEnvironment(dir)),
      HEADGATE_BATCH_KEY: newKey(),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
    };
    // The last order is one that the receiver never takes.
    crm = await startReceiver(({ body }) => (body.includes('order-39') ? 400 : 204));
    await mkdir(join(dir, 'given'));
    await configure(false);
    node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], env);
    ({ url } = await node.ready());
    await post(IDS);
  });
  after(async () => {
    await killAll();
    await crm?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  const configure = (suspended: boolean): Promise<void> => {
    const config = {
      tenant: TENANT,
      suspended,
      warehouse: { window: '1s' },
      rules: [{ name: 'large', on: ['order.made'], when: 'event.data.amount >= 20' }],
      subscriptions: [{ name: 'crm', kind: 'push', url: crm.url, retry: { schedule: ['100ms'] } }],
      routes: [{ match: { type: 'order.*' }, to: ['crm'] }],
    };
    return writeFile(join(dir, 'given', `${TENANT}.yaml`), JSON.stringify(config));
  };
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(dir, { tenant: TENANT, scope: 'admin', ...claims });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return fetch(`${url}${path}`, { ...init, headers });
  };
  const post = async (ids: readonly string[]): Promise<void> => {
    const events = ids.map((id, amount) => {
      const data = { amount, note: 'nobody-else-reads-this' };
      return { specversion: '1.0', id, source: 'test', type: 'order.made', subject: 's', data };
    });
    const answer = await call('/v1/events', { method: 'POST', body: JSON.stringify(events) });
    assert.equal(answer.status, 202, await answer.text());
  };
  const run = async (args: string[], more: Record<string, string> = {}): Promise<Finished> =>
    runHeadgate(args, { ...env, ...more });
  const done = async (args: string[]): Promise<Finished> => {
    const ended = await run(args);
    assert.equal(ended.code, 0, ended.stderr + ended.stdout);
    return ended;
  };
  const ofTenant = (...args: string[]) => [...args, '--tenant', TENANT, '--url', url];
  const batchFiles = (): string[] =>
    filesIn(join(dir, 'batches')).filter((path) => path.endsWith('.ndjson.gz'));

  it('loads and delivers them, and keeps nothing of an event readable among them', async () => {
    const expected = { events: IDS.length, user_properties: 0, decisions: IDS.length };
    await until(
      async () => assert.deepEqual(await countInFiles(join(dir, 'warehouse'), TENANT), expected),
      30_000,
    );
    await until(() => assert.ok(crm.requests.length >= IDS.length), 30_000);
    assert.ok(batchFiles().length >= 2);
    for (const path of filesIn(join(dir, 'batches'))) {
      const bytes = readFileSync(path);
      for (const text of ['nobody-else-reads-this', 'order', env.HEADGATE_BATCH_KEY ?? ''])
        assert.equal(bytes.indexOf(text), -1, `${path} has ${text}`);
      assert.throws(() => gunzipSync(bytes), { code: 'Z_DATA_ERROR' }, path);
    }
    await until(() => assert.deepEqual(readdirSync(join(dir, 'downloads')), []), 10_000);
  });

  it('audits them, decides again on them and shows a dead letter', async () => {
    const { clean } = JSON.parse((await done(['audit', '--tenant', TENANT, '--json'])).stdout) as {
      clean: boolean;
    };
    assert.equal(clean, true);
    const { stdout } = await done(ofTenant('replay', '--rules', 'current', '--dry-run', '--json'));
    const { report } = JSON.parse(stdout) as ReplayView;
    assert.deepEqual([report?.events, report?.matched], [IDS.length, IDS.length]);
    const id = await until(async () => {
      const listed = await done(ofTenant('dead-letters', 'list', '--json'));
      const [first] = (JSON.parse(listed.stdout) as { deadLetters: { id: string }[] }).deadLetters;
      assert.ok(first);
      return first.id;
    }, 60_000);
    assert.match((await done(ofTenant('dead-letters', 'show', id))).stdout, /order-39/);
  });

  it('says at once when the key is missing or another, and what to do', async () => {
    assert.match((await run(['doctor'])).stdout, /ok +batch key +batch files are encrypted/);
    const other = await run(['doctor'], { HEADGATE_BATCH_KEY: newKey() });
    assert.match(other.stdout, /fail +batch key +The keys of these batches are wrapped by master key/);
    for (const args of [['start'], ['audit']]) {
      const wrong = await run(args, { HEADGATE_BATCH_KEY: newKey() });
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /HEADGATE_BATCH_KEY_PREVIOUS.*\[BATCH_KEY_WRONG\]/);
      const missing = await run(args, { HEADGATE_BATCH_KEY: '' });
      assert.equal(missing.code, 1);
      assert.match(missing.stderr, /set HEADGATE_BATCH_KEY.*\[BATCH_KEY_MISSING\]/);
    }
  });

  it('gives a tenant another key, and all of them another master key', async () => {
    assert.match((await done(['batch-key', 'rotate', TENANT])).stdout, /^shop has 2 keys/);
    const keys = { HEADGATE_BATCH_KEY: newKey(), HEADGATE_BATCH_KEY_PREVIOUS: env.HEADGATE_BATCH_KEY ?? '' };
    const rewrapped = await run(['batch-key', 'rewrap'], keys);
    assert.match(rewrapped.stdout, /^1 tenants have keys; those of 1 are wrapped anew/, rewrapped.stderr);
    assert.equal((await run(['audit'], { HEADGATE_BATCH_KEY: keys.HEADGATE_BATCH_KEY })).code, 0);
    env = { ...env, HEADGATE_BATCH_KEY: keys.HEADGATE_BATCH_KEY };
  });

  it('erases no tenant that takes events, nor one by mistake', async () => {
    const active = await run(['tenant', 'erase', TENANT, '--yes']);
    assert.match(active.stderr, /suspended: true.*\[STATE_CONFLICT\]/);
    await configure(true);
    await done(['tenant', 'apply', join(dir, 'given')]);
    assert.match((await run(['tenant', 'erase', TENANT])).stderr, /add --yes/);
    const without = await run(['tenant', 'erase', TENANT, '--yes'], { HEADGATE_BATCH_KEY: newKey() });
    assert.match(without.stderr, /\[BATCH_KEY_WRONG\]/);
    assert.equal((await done(['audit', '--tenant', TENANT])).code, 0);
  });

  it('has nothing to read of one that is erased, and says why', async () => {
    const { stdout } = await done(['tenant', 'erase', TENANT, '--yes']);
    assert.match(stdout, /shop is erased since 2.*: 2 keys deleted now/);
    assert.ok(stdout.includes(join(dir, 'warehouse', TENANT)), 'and names what is not encrypted');
    await node.end();
    await configure(false);
    node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], env);
    ({ url } = await node.ready());
    const replayed = await run(ofTenant('replay', '--rules', 'current', '--dry-run'));
    assert.notEqual(replayed.code, 0);
    assert.match(replayed.stdout + replayed.stderr, /The key of tenant shop was deleted at 2/);
    const retention = await call('/v1/retention');
    assert.equal(retention.status, 410);
    assert.equal(((await retention.json()) as { code: string }).code, 'TENANT_ERASED');
    assert.match((await run(['audit', '--tenant', TENANT])).stderr, /\[TENANT_ERASED\]/);
    assert.match((await done(['audit'])).stderr, /Skipped: The key of tenant shop/);
  });

  it('erases what still comes of it, and holds nobody up', async () => {
    const before = new Set(batchFiles());
    await post(['too-late']);
    const path = await until(() => {
      const [late] = batchFiles().filter((each) => !before.has(each) && each.includes('/events/'));
      assert.ok(late);
      return late;
    }, 30_000);
    const id = basename(path).split('.')[0];
    await until(async () => {
      const receipt = (await (await call(`/v1/batches/${id}`)).json()) as BatchReceipt;
      const { workflow, load, deliveries } = receipt;
      assert.deepEqual([workflow.status, load?.workflow.status], ['completed', 'failed']);
      assert.deepEqual(
        deliveries?.map(({ state }) => state),
        ['dead-lettered'],
      );
    }, 60_000);
    assert.doesNotMatch(node.stderr, /BATCH_STEP_FAILED/);
    const { events } = await countInFiles(join(dir, 'warehouse'), TENANT);
    assert.equal(events, IDS.length);
  });
});

describe('a Headgate whose batches are encrypted, killed and started again', function () {
  this.timeout(240_000);
  const points: FaultPoint[] = ['batch-key.before', 'batch-key.after', 'parquet-rename.before'];
  after(killAll);

  for (const point of points) {
    it(`at ${point}: loses nothing, doubles nothing, leaves nothing in plain`, async () => {
      const env = {
        ...(await sharedTemporal()),
        HEADGATE_BATCH_KEY: newKey(),
        HEADGATE_SHUTDOWN_GRACE_SECONDS: '5',
      };
      const crashing = await createCrashNode(`encrypted-${point.replace('.', '-')}`, env);
      const downloads = join(crashing.dataDir, 'downloads');
      try {
        const doomed = await crashing.start({ HEADGATE_FAULT: `${point}:2` });
        const load = crashing.load();
        const death = await Promise.race([doomed.finished, sleep(60_000, undefined, { ref: false })]);
        assert.equal(death?.signal, 'SIGKILL', doomed.stderr);
        const left = existsSync(downloads) ? readdirSync(downloads) : [];
        assert.equal(left.length > 0, point === 'parquet-rename.before', 'copies of what was being loaded');
        const revived = await crashing.start();
        for (const name of left) assert.equal(existsSync(join(downloads, name)), false);
        const before = load.acknowledged();
        await until(() => assert.ok(load.acknowledged() > before), 60_000);
        await load.finish();
        await crashing.drained();
        assert.equal((await crashing.stopped(revived)).code, 0, revived.stderr);
        for (const path of filesIn(join(crashing.dataDir, 'batches')).filter((each) => each.endsWith('.gz')))
          assert.equal(readFileSync(path).subarray(0, 4).toString(), 'HGE1', path);
        assert.deepEqual(readdirSync(downloads), []);
      } finally {
        await crashing.remove();
      }
    });
  }
});
