import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { connectTemporal } from '../../src/temporal/connect.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { canUnshare } from '../support/lock-holder.js';
import { rowsInFiles } from '../support/parquet.js';
import { tokenFor } from '../support/producer.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { temporalAddress } from '../support/temporal.js';
import { until } from '../support/until.js';

type Env = Record<string, string>;

const TENANT = 'rental';
const EVENTS = 12;
const SOON_MS = 60_000;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('Headgate, of which there are two', function () {
  this.timeout(240_000);
  let dir: string;
  let receiver: Receiver;
  let connection: NativeConnection;

  before(async () => {
    connection = await connectTemporal({ address: temporalAddress() });
  });
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-two-'));
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await killAll();
    await receiver.down();
    rmSync(dir, { recursive: true, force: true });
  });
  after(() => connection.close());

  /** A data directory with a tenant whose events go to a webhook. */
  async function directory(name: string): Promise<Env> {
    const dataDir = join(dir, name);
    mkdirSync(join(dataDir, 'tenants'), { recursive: true });
    const config = {
      tenant: TENANT,
      warehouse: { window: '1s' },
      subscriptions: [
        { name: 'hook', kind: 'push', url: receiver.url, secret: 'env:HEADGATE_SECRET_RENTAL__HOOK' },
      ],
      routes: [{ match: { type: 'booking.made' }, to: ['hook'] }],
    };
    writeFileSync(join(dataDir, 'tenants', `${TENANT}.yaml`), JSON.stringify(config));
    return {
      ...(await nodeEnvironment(dataDir)),
      HEADGATE_SECRET_RENTAL__HOOK: SECRET,
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      HEADGATE_SHUTDOWN_GRACE_SECONDS: '2',
    };
  }

  async function post(url: string, env: Env): Promise<void> {
    const events = Array.from({ length: EVENTS }, (_, index) => ({
      specversion: '1.0',
      id: `bk${index}`,
      source: '/test',
      type: 'booking.made',
      subject: 's',
    }));
    const authorization = `Bearer ${await tokenFor(env.HEADGATE_DATA_DIR as string, TENANT, 'events:write')}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(events) });
    assert.equal(answer.status, 202, await answer.text());
  }

  /** All events are in the warehouse and were posted, once each. */
  async function assertArrived(env: Env): Promise<void> {
    const ids = Array.from({ length: EVENTS }, (_, index) => `bk${index}`).sort();
    await until(async () => {
      const rows = await rowsInFiles(
        join(env.HEADGATE_DATA_DIR as string, 'warehouse'),
        TENANT,
        'events',
        'id',
      );
      assert.deepEqual(rows.map(([id]) => String(id)).sort(), ids);
      assert.deepEqual([...receiver.confirmed].sort(), ids.map((id) => [id, 1]).sort());
    }, SOON_MS);
  }

  it('on two directories and one namespace: refuses the second in one line, and the first goes on', async () => {
    const first = await directory('first');
    const second = { ...(await directory('second')), TEMPORAL_NAMESPACE: first.TEMPORAL_NAMESPACE as string };
    const { url } = await spawnHeadgate(['start'], first).ready();
    for (const role of ['start', 'api', 'worker']) {
      const { code, stderr } = await runHeadgate([role], second);
      assert.equal(code, 1, stderr);
      const [line, ...more] = stderr
        .trim()
        .split('\n')
        .filter((each) => !each.startsWith('{'));
      assert.match(
        line ?? '',
        /^headgate: Namespace "\S+" belongs to the data directory \S+first on host \S+, .*TEMPORAL_NAMESPACE.* \[NAMESPACE_IN_USE\]$/,
      );
      assert.deepEqual(more, []);
    }
    const doctor = await runHeadgate(['doctor'], second);
    assert.match(
      doctor.stdout,
      /fail +namespace +"\S+" belongs to \S+first on host .*\n +→ .*TEMPORAL_NAMESPACE/,
    );
    assert.match(
      (await runHeadgate(['doctor'], first)).stdout,
      /ok +namespace +"\S+" belongs to this data directory/,
    );
    const shown = await runHeadgate(['namespace', 'show'], second);
    assert.match(shown.stdout, /^Namespace "\S+" belongs to the data directory \S+first on host /);
    await post(url, first);
    await assertArrived(first);
  });

  it('with a worker on another directory: gives nothing up, and all arrives once the right one runs', async () => {
    const right = await directory('right');
    const namespace = right.TEMPORAL_NAMESPACE as string;
    const wrong = { ...(await directory('wrong')), TEMPORAL_NAMESPACE: namespace };
    const client = new Client({ connection, namespace });
    const count = async (query: string) => (await client.workflow.count(query)).count;

    const api = spawnHeadgate(['api'], right);
    await post((await api.ready()).url, right);
    const taken = await runHeadgate(['namespace', 'claim'], wrong);
    assert.match(taken.stderr, /NAMESPACE_IN_USE/);
    assert.equal((await runHeadgate(['namespace', 'claim', '--force'], wrong)).code, 0);
    // It must not hand over to the workers of another.
    assert.match(await api.logged(/NAMESPACE_IN_USE/), /belongs to the data directory \S+wrong on host/);
    assert.equal((await api.finished).code, 1);

    const worker = spawnHeadgate(['worker'], wrong);
    await worker.ready();
    for (const type of ['loadWindow', 'deliver'])
      await until(async () => {
        const [found] = await failuresOf(client, type);
        assert.match(found ?? '', /^Batch \S+ is in batch store [0-9a-f]{16}, and this process has/);
      }, SOON_MS);
    // Long enough for more tries.
    await sleep(3_000);
    assert.equal(await count("WorkflowType = 'deadLetter'"), 0);
    assert.equal(await count("ExecutionStatus = 'Failed'"), 0);
    assert.equal(receiver.confirmed.size, 0);

    assert.equal((await runHeadgate(['namespace', 'claim', '--force'], right)).code, 0);
    assert.match(await worker.logged(/NAMESPACE_IN_USE/), /belongs to the data directory \S+right on host/);
    assert.equal((await worker.finished).code, 1);
    const node = spawnHeadgate(['start'], right);
    await node.ready();
    await assertArrived(right);
    assert.equal(await count("WorkflowType = 'deadLetter'"), 0);
    assert.equal((await node.signal('SIGTERM')).code, 0);
  });

  it('in two containers on one volume: refuses the second, and admits it at once when the first is killed', async function () {
    if (!canUnshare()) {
      console.log('      skipped: this user may not make pid namespaces (unshare)');
      this.skip();
    }
    const env = await directory('volume');
    for (const [apart, second] of [
      [true, false],
      [false, true],
    ]) {
      const first = spawnHeadgate(['start'], env, { apart });
      await first.ready();
      const { code, stderr } = await runHeadgate(['start'], env, { apart: second });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /headgate: This data directory is used by process \d+ on host \S+ .*\[DATA_DIR_IN_USE\]/,
      );
      assert.ok(first.alive);
      await first.signal('SIGKILL');
    }
    const again = spawnHeadgate(['start'], env, { apart: true });
    const { url } = await again.ready();
    await post(url, env);
    await assertArrived(env);
  });
});

/** What the pending activities of running workflows of a type have failed with last. */
async function failuresOf(client: Client, type: string): Promise<string[]> {
  const failures: string[] = [];
  for await (const { workflowId } of client.workflow.list({
    query: `WorkflowType = '${type}' AND ExecutionStatus = 'Running'`,
  })) {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    for (const { lastFailure } of raw.pendingActivities ?? [])
      if (lastFailure?.message) failures.push(lastFailure.message);
  }
  return failures;
}
