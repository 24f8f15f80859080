import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { createAnnounceActivities } from '../../src/activities/warehouse/announce.js';
import type { LoadBatchesInput } from '../../src/activities/warehouse/load-batches.js';
import { FULL_OF_JOBS } from '../../src/activities/warehouse/load-control/project-windows.js';
import { workflowInput } from '../../src/temporal/workflow-input.js';
import type { BatchRef, Stream } from '../../src/events/event.js';
import { loadWorkflowId } from '../../src/tenants/workflow-ids.js';
import { tenantQueue, workflowQueue } from '../../src/tenants/queues.js';
import {
  ANNOUNCE,
  LOAD_WINDOW,
  type LoadWindowInput,
  type LoadWindowResult,
  type WindowSize,
} from '../../src/workflows/messages/batches.js';
import { startPipeline, type Pipeline } from '../support/pipeline.js';
import { until } from '../support/until.js';

const HOUR_MS = 60 * 60 * 1000;
const WITHIN_MS = 10_000;

describe('the workflow loadWindow of a warehouse that wants few large loads', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  /** The members of each load that was asked for. */
  let loads: string[][];
  let written = 0;

  before(async () => {
    const names = ['full', 'during', 'close', 'plain', 'much', 'job', 'file'];
    pipeline = await startPipeline(Object.fromEntries(names.map((name) => [`ll-${name}`, {}])));
  });
  after(() => pipeline.stop());
  beforeEach(() => {
    loads = [];
    pipeline.replaced.loadBatches = (input) => Promise.resolve(load(input));
  });
  afterEach(() => {
    delete pipeline.replaced.loadBatches;
  });

  function load({ batches }: LoadBatchesInput): [] {
    loads.push(batches.map(({ batchId }) => batchId));
    return [];
  }

  function reference(tenant: string, stream: Stream = 'events'): BatchRef {
    written += 1;
    const batchId = `20240310-0123abcd-${String(written).padStart(9, '0')}`;
    return { tenant, stream, batchId, events: 2, bytes: 1_000, sha256: 'ab'.repeat(32) };
  }

  /** Announces batches to one window of a tenant, as the activity does. */
  function announcer(tenant: string, windowMs: number, full?: WindowSize) {
    const [window, closesAt] = ['20240310T120000.000Z', Date.now() + windowMs];
    const input: LoadWindowInput = {
      tenant,
      window,
      closesAt,
      activityQueue: tenantQueue(tenant),
      ...(full && { full }),
    };
    return async (...batches: BatchRef[]): Promise<WorkflowHandle> => {
      await pipeline.client.workflow.signalWithStart(LOAD_WINDOW, {
        workflowId: loadWorkflowId(tenant, window),
        taskQueue: workflowQueue(tenant, 'pooled'),
        args: [input],
        signal: ANNOUNCE,
        signalArgs: [batches],
      });
      return pipeline.client.workflow.getHandle(loadWorkflowId(tenant, window));
    };
  }

  const result = async (handle: WorkflowHandle) => (await handle.result()) as LoadWindowResult;

  it('loads before it closes when it is as full as it was told, by batches or by bytes', async () => {
    for (const full of [
      { batches: 3, bytes: 1_000_000 },
      { batches: 1_000, bytes: 3_000 },
    ]) {
      loads = [];
      const announce = announcer('ll-full', HOUR_MS, full);
      const batches = [1, 2, 3].map(() => reference('ll-full'));
      const [handle] = await Promise.all(batches.map((batch) => announce(batch)));
      await result(handle!);
      assert.deepEqual(loads, [batches.map(({ batchId }) => batchId)]);
    }
  });

  it('has what is announced during a load wait until it is full again', async () => {
    const announce = announcer('ll-during', HOUR_MS, { batches: 2, bytes: 1_000_000 });
    const [a, b, c, d] = [1, 2, 3, 4].map(() => reference('ll-during')) as [
      BatchRef,
      BatchRef,
      BatchRef,
      BatchRef,
    ];
    pipeline.replaced.loadBatches = async (input) => {
      pipeline.replaced.loadBatches = (next) => Promise.resolve(load(next));
      await announce(c);
      return load(input);
    };
    await announce(a);
    const handle = await announce(b);
    await until(async () => {
      const { events } = await handle.fetchHistory();
      assert.ok(events?.some((event) => event.activityTaskCompletedEventAttributes));
      assert.equal((await handle.describe()).raw.pendingActivities?.length ?? 0, 0);
    }, WITHIN_MS);
    assert.equal((await handle.describe()).status.name, 'RUNNING', 'it waits for more');
    await announce(d);
    await result(handle);
    assert.deepEqual(loads, [
      [a.batchId, b.batchId],
      [c.batchId, d.batchId],
    ]);
  });

  it('loads what was announced during a load when it closes, however little it is', async () => {
    const announce = announcer('ll-close', 3_000, { batches: 2, bytes: 1_000_000 });
    const [a, b, c] = [1, 2, 3].map(() => reference('ll-close')) as [BatchRef, BatchRef, BatchRef];
    pipeline.replaced.loadBatches = async (input) => {
      pipeline.replaced.loadBatches = (next) => Promise.resolve(load(next));
      await announce(c);
      return load(input);
    };
    await announce(a);
    await result(await announce(b));
    assert.deepEqual(loads, [[a.batchId, b.batchId], [c.batchId]]);
  });

  it('has more time for a load, and tries again more rarely; others do as before', async () => {
    const seconds = async (handle: WorkflowHandle) => {
      await handle.result();
      const { events } = await handle.fetchHistory();
      const [scheduled] = (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
      const { startToCloseTimeout, heartbeatTimeout, retryPolicy } = scheduled ?? {};
      const durations = [startToCloseTimeout, heartbeatTimeout, retryPolicy?.maximumInterval];
      return durations.map((duration) => Number(duration?.seconds));
    };
    const full = { batches: 1, bytes: 1_000_000 };
    const large = await announcer('ll-plain', HOUR_MS, full)(reference('ll-plain'));
    assert.deepEqual(await seconds(large), [15 * 60, 30, 10 * 60]);
    const plain = await announcer('ll-plain', 1)(reference('ll-plain'));
    assert.deepEqual(await seconds(plain), [5 * 60, 30, 60]);
  });

  it('takes a thousand batches, far from what Temporal takes of a history and an input', async () => {
    const announce = announcer('ll-much', HOUR_MS, FULL_OF_JOBS);
    const batches = Array.from({ length: 500 }, () => {
      const events = reference('ll-much');
      return [events, { ...events, stream: 'decisions' as const }];
    });
    let inputBytes = 0;
    pipeline.replaced.loadBatches = (input) => {
      inputBytes = JSON.stringify(input).length;
      return Promise.resolve(load(input));
    };
    let handle: WorkflowHandle | undefined;
    for (const two of batches) handle = await announce(...two);
    await result(handle!);
    assert.deepEqual(
      loads.map(({ length }) => length),
      [1_000],
    );
    const { raw } = await handle!.describe();
    const { historyLength, historySizeBytes } = raw.workflowExecutionInfo ?? {};
    assert.ok(Number(historyLength) < 51_200 / 10, `${historyLength} events`);
    assert.ok(Number(historySizeBytes) < 5 * 1024 * 1024, `${historySizeBytes} bytes of history`);
    assert.ok(inputBytes < 512 * 1024, `${inputBytes} bytes of input`);
  });

  it('is announced to as one where the tenant is in BigQuery, and to no other tenant', async () => {
    const told: unknown[] = [];
    const { announce } = createAnnounceActivities({
      client: pipeline.client,
      windowsPerSecond: 1_000,
      windowsOf: (tenant) => ({
        isolation: 'pooled',
        windowMs: 60_000,
        ...(tenant === 'll-job' && { project: 'acme-events' }),
      }),
      onWindow: (tenant, windowMs) => told.push([tenant, windowMs]),
    });
    const inputOf = async (tenant: string) => {
      const { client } = pipeline;
      const notice = await announce([reference(tenant)]);
      const input = (await workflowInput(client, notice)) as LoadWindowInput;
      await client.workflow.getHandle(notice.workflowId).terminate();
      return input;
    };
    assert.deepEqual((await inputOf('ll-job')).full, FULL_OF_JOBS);
    assert.equal((await inputOf('ll-file')).full, undefined);
    assert.deepEqual(told, [
      ['ll-job', 70_000],
      ['ll-file', 60_000],
    ]);
  });
});
