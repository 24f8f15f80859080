import assert from 'node:assert/strict';
import { Client } from '@temporalio/client';
import { freePort } from '../../../bench/system/free-port.js';
import { queueBacklog, type QueueBacklog } from '../../../src/temporal/queue-backlog.js';
import { EngineWatch } from '../../../src/ingest/admission/engine-watch.js';
import { TenantQueueWatch } from '../../../src/ingest/admission/tenant-queue-watch.js';
import { temporalAnswers } from '../../../src/roles/open-admission.js';
import { tenantQueue } from '../../../src/tenants/queues.js';
import { arrivals, connect, startPipeline } from '../../support/pipeline.js';
import { testNamespace } from '../../support/temporal.js';
import { awayConnection } from '../../support/temporal-away.js';
import { until } from '../../support/until.js';

const NEVER = 2 ** 31 - 1;

describe('the watch on tenants’ queues', () => {
  let asked: string[];
  let now: number;
  let watch: TenantQueueWatch;

  function open(describe: (tenant: string) => Promise<QueueBacklog>, tenantsPerRefresh = 3): void {
    asked = [];
    now = 1_000_000;
    watch = new TenantQueueWatch({
      describe: (tenant) => {
        asked.push(tenant);
        return describe(tenant);
      },
      intervalMs: NEVER,
      tenantsPerRefresh,
      now: () => now,
    });
  }
  afterEach(() => watch.close());

  const backlog = (tasks: number): QueueBacklog => ({ tasks, ageMs: 0, tasksPerSecond: 0 });

  it('asks about active tenants alone, a few at a time and all in turn', async () => {
    open(() => Promise.resolve(backlog(1)));
    for (const tenant of ['a', 'b', 'c', 'd', 'e']) assert.equal(watch.backlogOf(tenant), undefined);
    await watch.refresh();
    await watch.refresh();
    assert.deepEqual(asked, ['a', 'b', 'c', 'd', 'e', 'a']);
    assert.deepEqual(watch.backlogOf('e'), backlog(1));
    now += 300_001;
    watch.backlogOf('c');
    asked = [];
    await watch.refresh();
    assert.deepEqual(asked, ['c']);
  });

  it('keeps what it knew when Temporal does not answer, and asks no second time meanwhile', async () => {
    let answer: Promise<QueueBacklog> = Promise.resolve(backlog(7));
    open(() => answer);
    watch.backlogOf('a');
    await watch.refresh();
    answer = Promise.reject(new Error('away'));
    await watch.refresh();
    assert.deepEqual(watch.backlogOf('a'), backlog(7));
    let end: (value: QueueBacklog) => void = () => undefined;
    answer = new Promise((resolve) => (end = resolve));
    asked = [];
    const refreshing = watch.refresh();
    await watch.refresh();
    assert.deepEqual(asked, ['a']);
    end(backlog(8));
    await refreshing;
    assert.deepEqual(watch.backlogOf('a'), backlog(8));
  });
});

describe('what Temporal says', function () {
  this.timeout(30_000);

  it('of a paused tenant whose loads wait: how many, and for how long', async () => {
    const pipeline = await startPipeline({ 'slow-queue': { limits: { activitiesPerSecond: 0 } } });
    try {
      assert.deepEqual(await queueBacklog(pipeline.client, tenantQueue('slow-queue')), {
        tasks: 0,
        ageMs: 0,
        tasksPerSecond: 0,
      });
      await (
        await pipeline.submit('slow-queue', arrivals('slow', [90]))
      ).ended;
      await until(async () => {
        const { tasks, ageMs } = await queueBacklog(pipeline.client, tenantQueue('slow-queue'));
        assert.ok(tasks >= 1 && ageMs > 0, `${tasks} tasks, ${ageMs} ms on ${tenantQueue('slow-queue')}`);
      }, 15_000);
    } finally {
      await pipeline.stop();
    }
  });

  it('is noticed when it says nothing, and when it is back', async () => {
    const connection = await connect();
    const client = new Client({ connection, namespace: testNamespace() });
    const nowhere = awayConnection(await freePort());
    let asked: Client = client;
    let now = 1_000;
    const watch = new EngineWatch({ check: () => temporalAnswers(asked), intervalMs: NEVER, now: () => now });
    try {
      now = 2_000;
      await watch.look();
      assert.deepEqual(watch.status, { reachableSince: 1_000 });
      asked = new Client({ connection: nowhere });
      await watch.look();
      now = 3_000;
      await watch.look();
      assert.deepEqual(watch.status, { awaySince: 2_000 });
      asked = client;
      await watch.look();
      assert.deepEqual(watch.status, { reachableSince: 3_000 });
    } finally {
      watch.close();
      await Promise.all([connection.close(), nowhere.close()]);
    }
  });
});
