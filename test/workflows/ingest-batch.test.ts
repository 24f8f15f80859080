import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { ApplicationFailure } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import type { BatchRef } from '../../src/event.js';
import type { IngestBatchResult } from '../../src/workflows/messages.js';
import { eventNames, resetToStart, scheduledActivities } from '../support/histories.js';
import { countInFiles, decisionsInFiles } from '../support/parquet.js';
import { arrivals, startPipeline, type Pipeline, type Submitted } from '../support/pipeline.js';
import { until } from '../support/until.js';

const NO_RULES = { aggregates: {}, rules: [] };

describe('the workflow ingestBatch', function () {
  this.timeout(30_000);
  let pipeline: Pipeline;

  before(async () => {
    const pooled = ['fast', 'slow', 'gone', 'twice', 'reset', 'crash'].map((name) => [`ib-${name}`, {}]);
    const others = { 'ib-plain': NO_RULES, 'ib-own': { isolation: 'dedicated' } };
    pipeline = await startPipeline({ ...Object.fromEntries(pooled), ...others });
  });
  after(() => pipeline.stop());
  afterEach(() => {
    delete pipeline.replaced.applyBatch;
    delete pipeline.replaced.announce;
  });

  const inFiles = (tenant: string) => countInFiles(pipeline.stores.paths.warehouse, tenant);

  async function windowsEnd({ loads }: Pick<IngestBatchResult, 'loads'>): Promise<void> {
    for (const { workflowId } of loads) await pipeline.client.workflow.getHandle(workflowId).result();
  }

  /** Waits until the batch is decided on, and it and its decisions are in the warehouse. */
  async function loaded({ decided }: Submitted): Promise<IngestBatchResult> {
    const result = await decided;
    assert.ok(result !== undefined);
    await windowsEnd(result);
    return result;
  }

  it('decides in the fast lane: local activities alone, at most 10 events of history', async () => {
    const batch = await pipeline.submit('ib-fast', arrivals('fast', [10, 90, 60]));
    const result = await loaded(batch);
    assert.deepEqual([result.evaluated, result.eligible], [3, { late: 2 }]);
    const names = await eventNames(batch.handle);
    assert.ok(names.length <= 10, names.join());
    assert.ok(names.includes('MARKER_RECORDED'));
    assert.ok(!names.includes('ACTIVITY_TASK_SCHEDULED'), names.join());
    assert.deepEqual(await inFiles('ib-fast'), { events: 3, user_properties: 0, decisions: 3 });
  });

  it('announces a batch that nothing is decided on without decisions', async () => {
    const result = await loaded(await pipeline.submit('ib-plain', arrivals('plain', [90])));
    assert.deepEqual([result.evaluated, result.eligible], [0, {}]);
    assert.deepEqual(
      result.loads.map(({ stream }) => stream),
      ['events'],
    );
    assert.deepEqual(await inFiles('ib-plain'), { events: 1, user_properties: 0, decisions: 0 });
  });

  it('goes on in the slow lane, on the queue of the tenant, when the fast lane has failed twice', async () => {
    const attempts = { applyBatch: 0, announce: 0 };
    const hiccup = (name: 'applyBatch' | 'announce') => {
      attempts[name] += 1;
      if (attempts[name] <= 2) throw ApplicationFailure.create({ message: 'a hiccup', type: 'DISK_FULL' });
    };
    pipeline.replaced.applyBatch = async (batch) => {
      hiccup('applyBatch');
      return pipeline.activities.applyBatch(batch);
    };
    pipeline.replaced.announce = async (batches) => {
      hiccup('announce');
      return pipeline.activities.announce(batches);
    };
    const batch = await pipeline.submit('ib-slow', arrivals('slow', [90, 1]));
    const result = await loaded(batch);
    assert.deepEqual(attempts, { applyBatch: 3, announce: 3 });
    assert.deepEqual(result.eligible, { late: 1 });
    assert.deepEqual(await scheduledActivities(batch.handle), [
      ['applyBatch', 'tenant.ib-slow'],
      ['announce', 'tenant.ib-slow'],
    ]);
    assert.deepEqual(await inFiles('ib-slow'), { events: 2, user_properties: 0, decisions: 2 });
  });

  it('fails, and says why, when its file is gone: no retry brings it back', async () => {
    const { activities, replaced } = pipeline;
    replaced.applyBatch = (batch) =>
      activities.applyBatch({ ...batch, batchId: '20130101-00000000-000000000' });
    const { decided, handle } = await pipeline.submit('ib-gone', arrivals('gone', [90]));
    assert.equal(await decided, undefined);
    await assert.rejects(handle.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      const cause = error.cause?.cause;
      return cause instanceof ApplicationFailure && cause.type === 'NOT_FOUND';
    });
  });

  it('loads once what is announced twice, in the same window and after it', async () => {
    let refs: readonly BatchRef[] = [];
    pipeline.replaced.announce = async (batches) => {
      refs = batches;
      await pipeline.activities.announce(batches);
      return pipeline.activities.announce(batches);
    };
    await loaded(await pipeline.submit('ib-twice', arrivals('twice', [90, 5])));
    const once = { events: 2, user_properties: 0, decisions: 2 };
    assert.deepEqual(await inFiles('ib-twice'), once);
    await windowsEnd({ loads: await pipeline.activities.announce(refs) });
    assert.deepEqual(await inFiles('ib-twice'), once);
  });

  it('changes no count when a completed one is reset', async () => {
    const tenant = 'ib-reset';
    const properties = [{ ...arrivals('reset', [0])[0]!, id: 'p1', data: { seats: 200 } }];
    await loaded(await pipeline.submit(tenant, properties, 'user-properties'));
    const batch = await pipeline.submit(tenant, arrivals('reset', [90, 5, 61, 62]));
    const first = await loaded(batch);
    const { state, paths } = pipeline.stores;
    const snapshot = async () => ({
      revisions: [state.revision(tenant, 'events'), state.revision(tenant, 'user-properties')],
      subjects: [0, 1, 2].map((index) => state.subject(tenant, `reset-N${index}`)),
      profile: state.profile(tenant, 'reset-N0'),
      mark: state.applied(tenant, batch.plan.batchId),
      files: await inFiles(tenant),
      decisions: await decisionsInFiles(paths.warehouse, tenant),
    });
    const before = await snapshot();
    assert.deepEqual(before.files, { events: 4, user_properties: 1, decisions: 4 });
    const again = (await (await resetToStart(batch.handle)).result()) as IngestBatchResult;
    assert.deepEqual([again.evaluated, again.eligible], [first.evaluated, first.eligible]);
    await windowsEnd(again);
    assert.deepEqual(await snapshot(), before);
  });

  it('is not run a second time when the process dies between start and release', async () => {
    const tenant = 'ib-crash';
    const dying = new AbortController();
    const { spool } = pipeline;
    const dies = () => {
      dying.abort();
      return Promise.reject(new Error('the process dies here'));
    };
    const dyingSpool = new Proxy(spool, {
      get: (target, name) => {
        const member: unknown = name === 'release' ? dies : Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const [plan, chunk] = await pipeline.spooled(tenant, arrivals('crash', [90, 3]));
    const first = pipeline.carry(plan, chunk, { spool: dyingSpool, signal: dying.signal });
    await assert.rejects(first.decided);
    const { runId } = await first.handle.describe();
    const file = pipeline.stores.batchStore.pathOf(plan);
    const written = readFileSync(file);
    // What the next process finds in the spool is the same batch.
    assert.deepEqual([spool.planned(), [...spool.waiting()]], [[plan], [chunk]]);
    const second = pipeline.carry(plan, chunk);
    await loaded(second);
    assert.equal((await second.handle.describe()).runId, runId);
    assert.deepEqual(readFileSync(file), written);
    assert.deepEqual([spool.planned(), [...spool.waiting()]], [[], []]);
    assert.deepEqual(await inFiles(tenant), { events: 2, user_properties: 0, decisions: 2 });
  });

  it('is found by tenant and stream, and says in a line what it holds', async () => {
    const batch = await pipeline.submit('ib-fast', arrivals('found', [1, 2]));
    await batch.decided;
    const description = await batch.handle.describe();
    assert.deepEqual(description.searchAttributes.HeadgateTenant, ['ib-fast']);
    assert.deepEqual(description.searchAttributes.HeadgateStream, ['events']);
    assert.equal(await description.staticSummary(), 'ib-fast · events · 2 events · flight.arrived');
    await until(async () => {
      const query =
        'HeadgateTenant = "ib-fast" AND HeadgateStream = "events" AND WorkflowType = "ingestBatch"';
      const found: string[] = [];
      for await (const { workflowId } of pipeline.client.workflow.list({ query })) found.push(workflowId);
      assert.ok(found.includes(batch.handle.workflowId));
    }, 10_000);
  });

  it('runs on the queue of a dedicated tenant, and on the pool for any other', async () => {
    const [own, pooled] = [
      await pipeline.submit('ib-own', arrivals('own', [70])),
      await pipeline.submit('ib-fast', arrivals('pool', [70])),
    ];
    const windows = [(await loaded(own)).loads, (await loaded(pooled)).loads];
    const queueOf = async (workflowId: string) =>
      (await pipeline.client.workflow.getHandle(workflowId).describe()).taskQueue;
    assert.equal(await queueOf(own.handle.workflowId), 'tenant.ib-own');
    assert.equal(await queueOf(pooled.handle.workflowId), 'pool.0');
    assert.deepEqual(await Promise.all(windows[0]!.map(({ workflowId }) => queueOf(workflowId))), [
      'tenant.ib-own',
      'tenant.ib-own',
    ]);
    assert.deepEqual(await Promise.all(windows[1]!.map(({ workflowId }) => queueOf(workflowId))), [
      'pool.0',
      'pool.0',
    ]);
  });
});
