import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { withFailures } from '../../../src/activities/failure.js';
import { createPushPass } from '../../../src/activities/push/push-pass.js';
import { Receivers } from '../../../src/activities/push/receivers.js';
import type { BatchRef, EventRow } from '../../../src/events/event.js';
import { openSharedStores, type SharedStores } from '../../../src/roles/stores.js';
import { tenantQueue } from '../../../src/tenants/queues.js';
import type {
  DeadLetterResult,
  DeliverInput,
  DeliverResult,
} from '../../../src/workflows/messages/deliveries.js';
import { DEAD_LETTER_STATUS } from '../../../src/tenants/search-attributes.js';
import { event } from '../../support/events.js';
import { kill } from '../../support/kill.js';
import { SILENT, connect, startPipeline, workflowCode, type Pipeline } from '../../support/pipeline.js';
import { ALLOW_LOOPBACK, QUIET_CONTROL } from '../../support/push.js';
import { temporalAddress, testNamespace } from '../../support/temporal.js';
import { useTempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';
import { startReceiver, type ReceivedRequest, type WebhookReceiver } from '../../support/webhook-receiver.js';

const DAY_MS = 24 * 60 * 60 * 1000;
let batches = 0;

const rowsOf = (name: string, count: number): EventRow[] =>
  Array.from({ length: count }, (_, line) => event(`${name}-${line}`, 0));

function writeBatch(stores: SharedStores, tenant: string, rows: readonly EventRow[]): Promise<BatchRef> {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const batchId = `${day}-0123abcd-${String(++batches).padStart(9, '0')}`;
  const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  return stores.batchStore.write({ tenant, stream: 'events', batchId }, gzipSync(ndjson), rows.length);
}

function idsOf({ body }: ReceivedRequest): string[] {
  return [JSON.parse(body) as { id: string } | { id: string }[]].flat().map(({ id }) => id);
}

/** So that a test that fails can be made to fail again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

describe('deliveries by push', function () {
  this.timeout(60_000);
  let receiver: WebhookReceiver;
  let pipeline: Pipeline;
  let receivers: Receivers;

  before(async () => {
    receiver = await startReceiver();
    const hooks = { kind: 'push', url: receiver.url };
    const schedule = ['10ms', '20ms', '50ms', '100ms', '100ms', '100ms', '100ms', '100ms', '100ms', '100ms'];
    const tenant = (more: object): object => ({ subscriptions: [{ name: 'hooks', ...hooks, ...more }] });
    pipeline = await startPipeline({
      'push-random': tenant({ retry: { schedule: [...schedule, ...schedule] } }),
      'push-dead': tenant({ retry: { schedule: ['10ms'] } }),
      'push-poison': tenant({ format: 'batch', maxEvents: 50, retry: { schedule: ['10ms'] } }),
    });
    receivers = new Receivers({ allow: ALLOW_LOOPBACK });
    const pushPass = createPushPass({
      configOf: (id) => pipeline.registry.get(id)!.config,
      batchStore: pipeline.stores.batchStore,
      deliveryLog: pipeline.stores.deliveryLog,
      receivers,
      control: QUIET_CONTROL,
      secretOf: (reference: string) => reference,
      log: SILENT,
      observer: { requested: () => undefined, passed: () => undefined },
    });
    pipeline.replaced.pushPass = withFailures(pushPass);
  });
  after(async () => {
    await pipeline.stop();
    await receivers.close();
    await receiver.stop();
  });
  beforeEach(() => {
    receiver.requests.length = 0;
  });

  /** Hands events on as the workflow of their batch does, and waits for what comes of it. */
  async function delivered(tenant: string, rows: readonly EventRow[]): Promise<[DeliverResult, BatchRef]> {
    const batch = await writeBatch(pipeline.stores, tenant, rows);
    const routed = [{ subscription: 'hooks', of: 'events', priority: 'normal', count: rows.length }] as const;
    const started = await pipeline.activities.startDeliveries({
      batch,
      routed,
      activityQueue: tenantQueue(tenant),
    });
    const handle = pipeline.client.workflow.getHandle(started[0]!);
    return [(await handle.result()) as DeliverResult, batch];
  }

  it('reach a receiver that fails 30% of requests, each at least once', async () => {
    const random = randomOf(7);
    const confirmed = new Set<string>();
    receiver.answer = ({ body }) => {
      if (random() < 0.3) return 500;
      confirmed.add((JSON.parse(body) as EventRow).id);
      return 200;
    };
    const [result] = await delivered('push-random', rowsOf('r', 300));
    assert.deepEqual([result.delivered, result.deadLettered], [300, 0]);
    assert.deepEqual(
      [...confirmed].sort(),
      rowsOf('r', 300)
        .map(({ id }) => id)
        .sort(),
    );
    const ids = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
    assert.equal(ids.size, 300, 'the same for an event at each attempt');
  });

  it('that always fail become a dead letter, the rest does not; redriven, they are delivered when the receiver is fixed', async () => {
    const broken = ['d-3', 'd-11', 'd-40'];
    receiver.answer = (request) => (broken.includes(idsOf(request)[0]!) ? 500 : 200);
    const [result, batch] = await delivered('push-dead', rowsOf('d', 50));
    assert.deepEqual([result.delivered, result.deadLettered, result.deadLetters.length], [47, 3, 1]);

    const handle = pipeline.client.workflow.getHandle(result.deadLetters[0]!);
    const { status, memo, searchAttributes } = await handle.describe();
    assert.equal(status.name, 'RUNNING');
    assert.deepEqual(searchAttributes.HeadgateStatus, [DEAD_LETTER_STATUS]);
    assert.equal(memo?.detail, 'HTTP 500 Internal Server Error');
    assert.equal(memo?.count, 3);
    const log = await pipeline.stores.deliveryLog.read({ ...batch, subscription: 'hooks' });
    const failed = log.filter(({ outcome }) => outcome === 'failed');
    assert.deepEqual(failed.map(({ event: id, attempt }) => `${id}/${attempt}`).sort(), [
      ...broken.flatMap((id) => [`${id}/1`, `${id}/2`]).sort(),
    ]);

    receiver.answer = () => 200;
    receiver.requests.length = 0;
    await handle.signal('redrive', { actor: 'somebody' });
    const redriven = (await handle.result()) as DeadLetterResult;
    assert.deepEqual([redriven.outcome, redriven.delivery?.delivered], ['redriven', 3]);
    assert.deepEqual(receiver.requests.flatMap(idsOf).sort(), [...broken].sort());
  });

  it('of batches with one poison event dead-letter that alone', async () => {
    receiver.answer = (request) => (idsOf(request).includes('p-77') ? 422 : 200);
    const [result] = await delivered('push-poison', rowsOf('p', 200));
    assert.deepEqual([result.delivered, result.deadLettered], [199, 1]);
    const { memo } = await pipeline.client.workflow.getHandle(result.deadLetters[0]!).describe();
    assert.deepEqual([memo?.firstEvent, memo?.detail], ['p-77', 'HTTP 422 Unprocessable Entity']);
  });
});

describe('a push worker that is killed', function () {
  // A Worker that died is noticed by its missing heartbeat, after 30 s.
  this.timeout(120_000);
  const dir = useTempDir();
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) await kill(child);
  });

  it('loses nothing, and what was confirmed in a heartbeat is not posted again', async () => {
    const queue = `killed-push-${Date.now()}`;
    const count = 200;
    let alive = true;
    // Later answers do not come until the process is dead: what is confirmed then is the first half, exactly.
    const receiver = await startReceiver((request) => {
      const line = Number(idsOf(request)[0]?.slice('k-'.length));
      return !alive || line < count / 2 ? 200 : undefined;
    });
    const stores = openSharedStores(dir());
    const batch = await writeBatch(stores, 'UA', rowsOf('k', count));
    const hooks = { name: 'hooks', kind: 'push', url: receiver.url, timeout: '60s' };
    const config = JSON.stringify({ tenant: 'UA', subscriptions: [hooks] });
    const startChild = (): ChildProcess => {
      const fixture = fileURLToPath(new URL('./worker.fixture.ts', import.meta.url));
      const args = ['--import=tsx', fixture, temporalAddress(), testNamespace(), queue, dir(), config];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      children.push(child);
      return child;
    };
    const connection = await connect();
    const workflows = await Worker.create({
      connection,
      namespace: testNamespace(),
      taskQueue: `${queue}-workflows`,
      workflowBundle: { code: await workflowCode() },
    });
    const input: DeliverInput = {
      tenant: 'UA',
      subscription: 'hooks',
      kind: 'push',
      batch,
      count,
      priority: 'normal',
      queue,
      activityQueue: `${queue}-workflows`,
      expiresAt: Date.now() + DAY_MS,
    };
    await workflows.runUntil(async () => {
      const client = new Client({ connection, namespace: testNamespace() });
      const first = startChild();
      const handle = await client.workflow.start('deliver', {
        workflowId: queue,
        taskQueue: `${queue}-workflows`,
        args: [input],
      });
      await until(async () => {
        const { raw } = await handle.describe();
        const [payload] = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads ?? [];
        const details = JSON.parse(Buffer.from(payload?.data ?? '{}').toString()) as { delivered?: string };
        assert.equal(
          details.delivered,
          Buffer.concat([Buffer.alloc(12, 0xff), Buffer.from([0x0f])]).toString('base64'),
        );
      }, 40_000);
      await kill(first);
      alive = false;
      receiver.requests.length = 0;
      startChild();
      const result = (await handle.result()) as DeliverResult;
      assert.deepEqual([result.delivered, result.deadLettered], [count, 0]);
      const again = receiver.requests.flatMap(idsOf);
      assert.deepEqual(
        again.sort(),
        rowsOf('k', count)
          .slice(count / 2)
          .map(({ id }) => id)
          .sort(),
      );
    });
    await connection.close();
    await receiver.stop();
  });
});
