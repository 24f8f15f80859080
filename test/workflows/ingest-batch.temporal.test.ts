import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import type { BatchRef } from '../../src/events/event.js';
import type { Plan } from '../../src/ingest/partition.js';
import type { Chunk } from '../../src/events/chunk.js';
import { batchPath } from '../../src/stores/batch-store/file.js';
import type { IngestBatchResult, LoadWindowResult } from '../../src/workflows/messages/batches.js';
import { eventNames, resetToStart, scheduledActivities } from '../support/histories.js';
import { countInFiles, decisionsInFiles, rowsInFiles } from '../support/parquet.js';
import { arrivals, startPipeline, type Pipeline, type Submitted } from '../support/pipeline.js';
import { until } from '../support/until.js';

const NO_RULES = { aggregates: {}, rules: [] };

describe('the workflow ingestBatch', function () {
  this.timeout(30_000);
  let pipeline: Pipeline;

  before(async () => {
    const pooled = ['fast', 'slow', 'gone', 'twice', 'reset', 'crash', 'early', 'rules'].map((name) => [
      `ib-${name}`,
      {},
    ]);
    const others = { 'ib-plain': NO_RULES, 'ib-own': { isolation: 'dedicated' } };
    pipeline = await startPipeline({ ...Object.fromEntries(pooled), ...others });
  });
  after(() => pipeline.stop());
  afterEach(() => {
    delete pipeline.replaced.announce;
  });

  const inFiles = (tenant: string) => countInFiles(pipeline.stores.paths.warehouse, tenant);

  const windowEnds = ({ load }: Pick<IngestBatchResult, 'load'>): Promise<LoadWindowResult> =>
    pipeline.client.workflow.getHandle(load.workflowId).result() as Promise<LoadWindowResult>;

  /** Waits until the batch and its decisions are in the warehouse. */
  async function loaded({ ended }: Submitted): Promise<IngestBatchResult> {
    const result = await ended;
    assert.ok(result !== undefined);
    await windowEnds(result);
    return result;
  }

  it('is announced on the fast path: local activities alone, at most 10 events of history', async () => {
    const batch = await pipeline.submit('ib-fast', arrivals('fast', [10, 90, 60]));
    const result = await loaded(batch);
    assert.deepEqual([result.evaluated, result.eligible], [3, { late: 2 }]);
    const names = await eventNames(batch.handle);
    assert.ok(names.length <= 10, names.join());
    assert.ok(names.includes('MARKER_RECORDED'));
    assert.ok(!names.includes('ACTIVITY_TASK_SCHEDULED'), names.join());
    assert.deepEqual(await inFiles('ib-fast'), { events: 3, user_properties: 0, decisions: 3 });
  });

  it('is summed up in as many bytes as Temporal takes, whatever its events are called', async () => {
    for (const character of ['ж', '👍', '"', '\u20ac']) {
      const type = character.repeat(Math.floor(250 / character.length));
      const rows = arrivals(`summary-${character.codePointAt(0)}`, [10]).map((row) => ({ ...row, type }));
      const { ended, handle } = await pipeline.submit('ib-plain', rows);
      assert.ok((await ended) !== undefined, character);
      const summary = (await (await handle.describe()).staticSummary()) ?? '';
      assert.ok(summary.startsWith(`ib-plain · events · 1 event · ${character}`) && summary.endsWith('…'));
    }
  });

  it('announces a batch that nothing is decided on without decisions', async () => {
    const result = await loaded(await pipeline.submit('ib-plain', arrivals('plain', [90])));
    assert.deepEqual([result.evaluated, result.eligible], [0, {}]);
    const { loads } = await windowEnds(result);
    assert.deepEqual(
      loads.map(({ stream }) => stream),
      ['events'],
    );
    assert.deepEqual(await inFiles('ib-plain'), { events: 5, user_properties: 0, decisions: 0 });
  });

  it('goes on as ordinary activities, on the queue of the tenant, when the local ones have failed twice', async () => {
    let attempts = 0;
    pipeline.replaced.announce = async (batches) => {
      attempts += 1;
      if (attempts <= 2) throw ApplicationFailure.create({ message: 'a hiccup', type: 'ENGINE_UNAVAILABLE' });
      return pipeline.activities.announce(batches);
    };
    const batch = await pipeline.submit('ib-slow', arrivals('slow', [90, 1]));
    const result = await loaded(batch);
    assert.equal(attempts, 3);
    assert.deepEqual(result.eligible, { late: 1 });
    assert.deepEqual(await scheduledActivities(batch.handle), [['announce', 'tenant.ib-slow']]);
    assert.deepEqual(await inFiles('ib-slow'), { events: 2, user_properties: 0, decisions: 2 });
  });

  it('fails, and says why, when it can never be announced; the partition goes on', async () => {
    pipeline.replaced.announce = (batches) =>
      pipeline.activities.announce(
        batches.map((batch, n) => (n === 0 ? { ...batch, tenant: 'other' } : batch)),
      );
    const { ended, handle } = await pipeline.submit('ib-gone', arrivals('gone', [90]));
    assert.equal(await ended, undefined);
    await until(() => assert.deepEqual(pipeline.spool.planned(), []), 5_000);
    await assert.rejects(handle.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      const cause = error.cause?.cause;
      return cause instanceof ApplicationFailure && cause.type === 'STATE_CONFLICT';
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
    await windowEnds({ load: await pipeline.activities.announce(refs) });
    assert.deepEqual(await inFiles('ib-twice'), once);
  });

  it('changes no count when a completed one is reset', async () => {
    const tenant = 'ib-reset';
    const properties = [{ ...arrivals('reset', [0])[0]!, id: 'p1', data: { seats: 200 } }];
    await loaded(await pipeline.submit(tenant, properties, 'user-properties'));
    const batch = await pipeline.submit(tenant, arrivals('reset', [90, 5, 61, 62]));
    const first = await loaded(batch);
    const { paths } = pipeline.stores;
    const snapshot = async () => ({
      files: await inFiles(tenant),
      decisions: await decisionsInFiles(paths.warehouse, tenant),
    });
    const before = await snapshot();
    assert.deepEqual(before.files, { events: 4, user_properties: 1, decisions: 4 });
    const again = (await (await resetToStart(batch.handle)).result()) as IngestBatchResult;
    assert.deepEqual([again.evaluated, again.eligible], [first.evaluated, first.eligible]);
    await windowEnds(again);
    assert.deepEqual(await snapshot(), before);
  });

  /** A process that dies when its spool is to be told `step`, and the batch as its successor finds it. */
  async function dyingAt(tenant: string, step: 'plan' | 'handOver'): Promise<[Plan, Chunk, Submitted]> {
    const dying = new AbortController();
    const dies = () => {
      dying.abort();
      return Promise.reject(new Error('the process dies here'));
    };
    const { spool } = pipeline;
    const dyingSpool = new Proxy(spool, {
      get: (target, name) => {
        const member: unknown = name === step ? dies : Reflect.get(target, name);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    const [plan, chunk] = await pipeline.spooled(tenant, arrivals(tenant, [90, 3]));
    const first = pipeline.carry(plan, chunk, { spool: dyingSpool, signal: dying.signal });
    await assert.rejects(first.ended);
    return [plan, chunk, first];
  }

  const heldOf = (tenant: string) =>
    [...pipeline.spool.held()].filter((chunk) => chunk.tenant === tenant).map((chunk) => chunk.handedOver);

  it('is not run a second time when the process dies between start and hand-over', async () => {
    const tenant = 'ib-crash';
    const [plan, chunk, first] = await dyingAt(tenant, 'handOver');
    const { runId } = await first.handle.describe();
    const file = batchPath(pipeline.stores.paths.batches, plan);
    const written = readFileSync(file);
    // What the next process finds in the spool is the same batch.
    assert.deepEqual([pipeline.spool.planned(), heldOf(tenant)], [[plan], [false]]);
    const second = pipeline.carry(plan, chunk);
    await loaded(second);
    assert.equal((await second.handle.describe()).runId, runId);
    assert.deepEqual(readFileSync(file), written);
    assert.deepEqual([pipeline.spool.planned(), heldOf(tenant)], [[], [true]]);
    assert.deepEqual(await inFiles(tenant), { events: 2, user_properties: 0, decisions: 2 });
  });

  it('has no file yet when the process dies before its plan is written', async () => {
    const tenant = 'ib-early';
    const [plan, chunk] = await dyingAt(tenant, 'plan');
    const files = [plan, { ...plan, stream: 'decisions' as const }].map((name) =>
      batchPath(pipeline.stores.paths.batches, name),
    );
    // The next plan has another name: what is in files of no plan would be in two batches.
    await delay(500);
    for (const file of files) assert.ok(!existsSync(file), file);
    await loaded(pipeline.carry(plan, chunk));
    for (const file of files) assert.ok(existsSync(file), file);
    assert.deepEqual(await inFiles(tenant), { events: 2, user_properties: 0, decisions: 2 });
  });

  it('has the decisions that were made at ingest, whatever the rules say by then', async () => {
    const tenant = 'ib-rules';
    const [plan, chunk] = await pipeline.spooled(tenant, arrivals('rules', [90, 5]));
    const { rules } = pipeline.registry.get(tenant)!;
    await pipeline.tenant(tenant, { rules: [{ name: 'any', on: ['flight.arrived'], when: 'true' }] });
    const result = await loaded(pipeline.carry(plan, chunk));
    assert.deepEqual([result.evaluated, result.eligible], [2, { late: 1 }]);
    const { warehouse } = pipeline.stores.paths;
    const rows = await rowsInFiles(warehouse, tenant, 'decisions', 'event_id, rule_version, outcome');
    const { version } = rules.rules[0]!;
    assert.deepEqual(rows.sort(), [
      ['rules-0', version, 'eligible'],
      ['rules-1', version, 'ineligible'],
    ]);
  });

  it('is found by tenant and stream, and says in a line what it holds', async () => {
    const batch = await pipeline.submit('ib-fast', arrivals('found', [1, 2]));
    await batch.ended;
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
    const windows = [(await loaded(own)).load, (await loaded(pooled)).load];
    const queueOf = async (workflowId: string) =>
      (await pipeline.client.workflow.getHandle(workflowId).describe()).taskQueue;
    assert.equal(await queueOf(own.handle.workflowId), 'tenant.ib-own');
    assert.equal(await queueOf(pooled.handle.workflowId), 'pool.0');
    assert.deepEqual(await Promise.all(windows.map(({ workflowId }) => queueOf(workflowId))), [
      'tenant.ib-own',
      'pool.0',
    ]);
  });
});
