import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { WorkflowHandle } from '@temporalio/client';
import { createAnnounceActivities, windowAt } from '../../src/activities/warehouse/announce.js';
import type { BatchRef, Stream } from '../../src/events/event.js';
import { referencedBatches } from '../../src/retention/references.js';
import { waitingWindows } from '../../src/subscriptions/load-windows.js';
import { loadWorkflowId } from '../../src/tenants/workflow-ids.js';
import type { LoadWindowResult } from '../../src/workflows/messages/batches.js';
import { resetToStart, scheduledActivities } from '../support/histories.js';
import { countInFiles, rowsInFiles } from '../support/parquet.js';
import { arrivals, startPipeline, type Pipeline } from '../support/pipeline.js';
import { until } from '../support/until.js';

const HOUR_MS = 60 * 60 * 1000;

describe('the workflow loadWindow', function () {
  this.timeout(30_000);
  let pipeline: Pipeline;
  let written = 0;

  before(async () => {
    const names = ['many', 'streams', 'full', 'count', 'during', 'late', 'reset', 'down', 'short', 'paused'];
    pipeline = await startPipeline(Object.fromEntries(names.map((name) => [`lw-${name}`, {}])));
  });
  after(() => pipeline.stop());
  afterEach(() => {
    delete pipeline.replaced.loadBatches;
  });

  /** Writes a batch file of two events. */
  async function write(tenant: string, stream: Stream = 'events'): Promise<BatchRef> {
    written += 1;
    const batchId = `20240310-0123abcd-${String(written).padStart(9, '0')}`;
    const rows = arrivals(`b${written}`, [1, 2]).map((row) => `${JSON.stringify(row)}\n`);
    return pipeline.stores.batchStore.write({ tenant, stream, batchId }, gzipSync(rows.join('')), 2);
  }

  /** Announces as the activity does, to one window: the next to begin, so that it stays open for `windowMs` at least. */
  function announcer(tenant: string, windowMs: number, agoMs = 0) {
    const begins = windowAt(Date.now(), windowMs, tenant).closesAt;
    const { announce } = createAnnounceActivities({
      client: pipeline.client,
      windowsPerSecond: 1_000,
      windowsOf: () => ({ isolation: 'pooled', windowMs }),
      now: () => begins - agoMs,
    });
    return async (...batches: BatchRef[]): Promise<WorkflowHandle> =>
      pipeline.client.workflow.getHandle((await announce(batches)).workflowId);
  }

  const result = async (handle: WorkflowHandle) => (await handle.result()) as LoadWindowResult;
  const inFiles = async (tenant: string) =>
    (await countInFiles(pipeline.stores.paths.warehouse, tenant)).events;

  it('loads what was announced in one load, on the queue of the tenant, when it closes', async () => {
    const announce = announcer('lw-many', 2_000);
    const [a, b] = [await write('lw-many'), await write('lw-many')];
    const handle = await announce(b);
    await announce(a);
    await announce(b);
    const { loads } = await result(handle);
    assert.deepEqual(
      loads.map(({ rows, loaded, alreadyHeld }) => ({ rows, loaded, alreadyHeld })),
      [{ rows: 4, loaded: [a.batchId, b.batchId], alreadyHeld: [] }],
    );
    assert.deepEqual(await scheduledActivities(handle), [['loadBatches', 'tenant.lw-many']]);
    assert.equal(await inFiles('lw-many'), 4);
    const description = await handle.describe();
    assert.deepEqual(description.searchAttributes.HeadgateTenant, ['lw-many']);
    assert.equal(description.searchAttributes.HeadgateStream, undefined, 'it is of all streams');
    assert.match((await description.staticSummary()) ?? '', /^lw-many · load window of 2 s/);
  });

  it('waits for its length at most, however far the clock that named it is ahead', async () => {
    const handle = await announcer('lw-many', 1_000, -72 * HOUR_MS)(await write('lw-many'));
    const { loads } = await result(handle);
    assert.deepEqual(
      loads.map(({ rows }) => rows),
      [2],
    );
  });

  it('loads all streams of the tenant in one go, each in a load of its own', async () => {
    const announce = announcer('lw-streams', 2_000);
    const [events, properties] = [await write('lw-streams'), await write('lw-streams', 'user-properties')];
    const decisions = await pipeline.stores.batchStore.write(
      { ...events, stream: 'decisions' },
      gzipSync('{"id":"d","event_id":"e","rule":"late","time":"2024-03-10T12:00:00Z"}\n'),
      1,
    );
    const handle = await announce(events, decisions);
    await announce(properties);
    const { loads } = await result(handle);
    assert.deepEqual(
      loads.map(({ stream, rows, loaded }) => [stream, rows, loaded]),
      [
        ['events', 2, [events.batchId]],
        ['user-properties', 2, [properties.batchId]],
        ['decisions', 1, [events.batchId]],
      ],
    );
    assert.deepEqual(await scheduledActivities(handle), [['loadBatches', 'tenant.lw-streams']]);
    const files = await countInFiles(pipeline.stores.paths.warehouse, 'lw-streams');
    assert.deepEqual(files, { events: 2, user_properties: 2, decisions: 1 });
  });

  it('loads before it closes when its files are large enough', async () => {
    const announce = announcer('lw-full', HOUR_MS);
    const [small, large] = [await write('lw-full'), await write('lw-full')];
    const handle = await announce(small);
    await announce({ ...large, bytes: 64 * 1024 * 1024 });
    const { loads } = await result(handle);
    assert.deepEqual(loads[0]?.loaded, [small.batchId, large.batchId]);
    assert.equal(await inFiles('lw-full'), 4);
  });

  it('loads before it closes when it has 200 batches', async () => {
    const announce = announcer('lw-count', HOUR_MS);
    const batch = await write('lw-count');
    let asked: readonly BatchRef[] = [];
    pipeline.replaced.loadBatches = async ({ batches }) => {
      asked = batches;
      return [];
    };
    const ids = Array.from({ length: 200 }, (_, n) => `20240310-0123abcd-1${String(n).padStart(8, '0')}`);
    const handle = await announce({ ...batch, batchId: ids[0]! });
    for (const batchId of ids.slice(1)) await announce({ ...batch, batchId });
    await result(handle);
    assert.deepEqual(
      asked.map(({ batchId }) => batchId),
      ids,
    );
  });

  it('loads after it what is announced during a load', async () => {
    const announce = announcer('lw-during', 1_000);
    const [first, second] = [await write('lw-during'), await write('lw-during')];
    pipeline.replaced.loadBatches = async (input) => {
      delete pipeline.replaced.loadBatches;
      const loaded = await pipeline.activities.loadBatches(input);
      await announce(second);
      return loaded;
    };
    const handle = await announce(first);
    const { loads } = await result(handle);
    assert.deepEqual(
      loads.map(({ loaded }) => loaded),
      [[first.batchId], [second.batchId]],
    );
    assert.equal(await inFiles('lw-during'), 4);
  });

  it('is opened again, and loads at once, for a batch that comes after its end', async () => {
    const announce = announcer('lw-late', 1_000);
    const [first, late] = [await write('lw-late'), await write('lw-late')];
    const handle = await announce(first);
    const before = await result(handle);
    const { runId } = await handle.describe();
    const again = await announce(late);
    assert.equal(again.workflowId, handle.workflowId);
    const after = await result(again);
    assert.notEqual((await again.describe()).runId, runId);
    assert.deepEqual([before.loads[0]?.loaded, after.loads[0]?.loaded], [[first.batchId], [late.batchId]]);
    assert.notEqual(before.loads[0]?.loadId, after.loads[0]?.loadId);
    assert.equal(await inFiles('lw-late'), 4);
  });

  it('adds no row when a completed one is reset, with one load or two', async () => {
    const announce = announcer('lw-reset', 1_000);
    const [first, second] = [await write('lw-reset'), await write('lw-reset')];
    pipeline.replaced.loadBatches = async (input) => {
      delete pipeline.replaced.loadBatches;
      await announce(second);
      return pipeline.activities.loadBatches(input);
    };
    const handle = await announce(first);
    await result(handle);
    const { warehouse } = pipeline.stores.paths;
    const rows = async () =>
      (await rowsInFiles(warehouse, 'lw-reset', 'events', 'id, batch_id, load_id')).sort();
    const before = await rows();
    assert.equal(before.length, 4);
    for (let time = 0; time < 2; time += 1) {
      const { loads } = await result(await resetToStart(handle));
      const held = loads.flatMap(({ loaded, alreadyHeld }) => [...loaded, ...alreadyHeld]);
      assert.deepEqual([...new Set(held)].sort(), [first.batchId, second.batchId]);
      assert.deepEqual(await rows(), before);
    }
  });

  it('waits for a warehouse that is away, and then loads', async () => {
    const announce = announcer('lw-down', 1_000);
    const batch = await write('lw-down');
    let attempts = 0;
    pipeline.replaced.loadBatches = async (input) => {
      attempts += 1;
      if (attempts <= 2) throw new Error('the warehouse is away');
      return pipeline.activities.loadBatches(input);
    };
    const { loads } = await result(await announce(batch));
    assert.deepEqual([attempts, loads[0]?.loaded], [3, [batch.batchId]]);
    assert.equal(await inFiles('lw-down'), 2);
  });

  it('waits while the warehouse is paused, says why in the Temporal UI, and loads soon after a resume', async function () {
    this.timeout(60_000);
    const { control, client } = pipeline;
    await control.change('lw-paused', 'warehouse', { to: 'paused', by: 'ops', reason: 'the lake moves' });
    const announce = announcer('lw-paused', 1_000);
    const batch = await write('lw-paused');
    const handle = await announce(batch);
    await until(async () => {
      const { pendingActivities } = (await handle.describe()).raw;
      const { lastFailure, attempt, currentRetryInterval } = pendingActivities?.[0] ?? {};
      assert.match(lastFailure?.message ?? '', /paused by ops, since .*, "the lake moves"/);
      assert.match(lastFailure?.message ?? '', /headgate subscription resume warehouse --tenant lw-paused/);
      assert.equal(lastFailure?.applicationFailureInfo?.type, 'PAUSED');
      assert.equal(attempt, 2);
      // It looks again within 15 s, so that it loads soon after a resume.
      assert.ok(Number(currentRetryInterval?.seconds) <= 15, `${currentRetryInterval?.seconds} s`);
    }, 10_000);
    assert.equal(await inFiles('lw-paused'), 0);
    const waiting = (await waitingWindows(client, 'lw-paused')).get('lw-paused');
    assert.equal(waiting?.windows, 1);
    assert.equal((await waitingWindows(client, 'lw-short')).has('lw-paused'), false);
    assert.ok((await referencedBatches(client, 'lw-paused')).has(batch.batchId), 'retention would delete it');
    const next = await pipeline.activities.announce([await write('lw-paused')]);
    const opened = pipeline.client.workflow.getHandle(next.workflowId);
    assert.match((await (await opened.describe()).staticSummary()) ?? '', /load window of 60 s/);
    // It closes on the minute, which may be now: what it loads is not to be counted below.
    await opened.terminate();

    await control.change('lw-paused', 'warehouse', { to: 'active', by: 'ops' });
    const { loads } = await result(handle);
    assert.deepEqual(loads[0]?.loaded, [batch.batchId]);
    assert.equal(await inFiles('lw-paused'), 2);
  });

  it('loads at once where it should have closed before it could begin', async () => {
    const announce = announcer('lw-short', 1_000, 60_000);
    const batch = await write('lw-short');
    const { loads } = await result(await announce(batch));
    assert.deepEqual(loads[0]?.loaded, [batch.batchId]);
  });

  it('is named by tenant and its beginning; two tenants close at different moments', () => {
    const at = Date.UTC(2024, 2, 10, 12);
    const [own, other] = [windowAt(at, 5_000, 'UA'), windowAt(at, 5_000, 'DL')];
    assert.match(own.window, /^20240310T1[12]\d{4}\.\d{3}Z$/);
    assert.notEqual(own.closesAt, other.closesAt);
    assert.ok(own.closesAt > at && own.closesAt <= at + 5_000);
    assert.equal(windowAt(own.closesAt, 5_000, 'UA').closesAt, own.closesAt + 5_000);
    assert.equal(loadWorkflowId('UA', own.window), `load/UA/${own.window}`);
  });

  it('closes at its own moment also where tenants are numbered: not all load at once', () => {
    const windowMs = 5_000;
    const closings = Array.from({ length: 16 }, (_, n) => windowAt(0, windowMs, `shop-${n + 10}`).closesAt);
    for (let from = 0; from < windowMs; from += 500) {
      const together = closings.filter((at) => at > from && at <= from + 500).length;
      assert.ok(together <= 5, `${together} of 16 close in the half second from ${from} ms`);
    }
  });

  it('is announced to by one tenant at a time: nothing of another gets into it', async () => {
    const { announce } = pipeline.activities;
    const [own, other] = [await write('lw-many'), await write('lw-full')];
    for (const batches of [
      [own, other],
      [other, own],
    ]) {
      const refused = { type: 'STATE_CONFLICT', nonRetryable: true };
      await assert.rejects(announce(batches), refused);
    }
    await assert.rejects(announce([]), { type: 'TENANT_ID_INVALID' });
  });
});
