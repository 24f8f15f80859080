import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { unloadableRows } from '../../../src/dead-letters/dead-letter-rows.js';
import { audit, isClean } from '../../../src/audit/audit.js';
import { createDeadLetters, type DeadLetters } from '../../../src/dead-letters/dead-letters.js';
import type { DeadLetterSummary } from '../../../src/dead-letters/summary.js';
import type { BatchRef } from '../../../src/events/event.js';
import { batchPath } from '../../../src/stores/batch-store/file.js';
import { queryTenant } from '../../../src/stores/warehouse/parquet/query.js';
import type { LoadWindowResult } from '../../../src/workflows/messages/batches.js';
import { startPipeline, type Pipeline } from '../../support/pipeline.js';
import { testNamespace } from '../../support/temporal.js';
import { until } from '../../support/until.js';
import { batchId, event } from '../../stores/warehouse/fixture.js';

const TENANTS = ['rows-left', 'rows-again', 'rows-gone', 'rows-other'];
const BY = { actor: 'ops' };
const SEEN_WITHIN_MS = 15_000;
const TODAY = new Date().toISOString().slice(0, 10).replaceAll('-', '');

describe('rows that no load can take', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let deadLetters: DeadLetters;
  let batches = 0;

  before(async () => {
    const config = { warehouse: { window: '1s' } };
    pipeline = await startPipeline(Object.fromEntries(TENANTS.map((tenant) => [tenant, config])));
    const { client, stores } = pipeline;
    deadLetters = createDeadLetters({
      client,
      namespace: testNamespace(),
      batchStore: stores.batchStore,
      deliveryLog: stores.deliveryLog,
      isolationOf: () => 'pooled',
    });
  });
  after(() => pipeline?.stop());

  const good = (id: string): string => JSON.stringify(event(id));
  const untimed = (id: string): string => JSON.stringify(event(id, { time: 'soon' }));

  function write(tenant: string, lines: readonly string[]): Promise<BatchRef> {
    const name = { tenant, stream: 'events' as const, batchId: batchId(++batches, TODAY) };
    return pipeline.stores.batchStore.write(name, gzipSync(`${lines.join('\n')}\n`), lines.length);
  }

  /** Announces a batch to its load window and waits for the window's end. */
  async function load(batch: BatchRef): Promise<LoadWindowResult> {
    const { workflowId, runId } = await pipeline.activities.announce([batch]);
    return (await pipeline.client.workflow.getHandle(workflowId, runId).result()) as LoadWindowResult;
  }

  async function waiting(tenant: string, count: number): Promise<readonly DeadLetterSummary[]> {
    let found: readonly DeadLetterSummary[] = [];
    await until(async () => {
      const request = { filter: { subscription: 'warehouse' }, limit: 10 };
      found = (await deadLetters.list(tenant, request)).deadLetters;
      assert.equal(found.length, count);
    }, SEEN_WITHIN_MS);
    return found;
  }

  const root = () => pipeline.stores.paths.warehouse;
  async function idsIn(tenant: string): Promise<unknown[]> {
    const { rows } = await queryTenant({ root: root(), tenant, sql: 'SELECT id FROM events ORDER BY id' });
    return rows.map(([id]) => id);
  }

  async function auditOf(tenant: string) {
    const { paths, batchStore } = pipeline.stores;
    const tenants = pipeline.registry.list();
    const [found] = await audit({
      paths,
      batchStore,
      tenants,
      tenant,
      stream: 'events',
      days: {},
      show: 10,
      onProgress: () => undefined,
      onSkipped: () => undefined,
    });
    return found!;
  }

  it('are a dead letter of the warehouse with their reasons, and are not missing; the rest is loaded', async () => {
    const tenant = 'rows-left';
    const lines = [good('a'), untimed('t'), good('b'), '{"id": "torn'];
    const batch = await write(tenant, lines);
    const { loads } = await load(batch);
    assert.deepEqual([loads[0]?.rows, loads[0]?.leftOut], [2, 2]);
    assert.deepEqual(await idsIn(tenant), ['a', 'b']);
    const [dead] = await waiting(tenant, 1);
    assert.deepEqual(
      [dead?.kind, dead?.reason, dead?.count, dead?.types, dead?.batchId, dead?.firstEvent],
      ['warehouse', 'row-unloadable', 2, ['thing.happened'], batch.batchId, 't'],
    );
    assert.match(
      dead?.detail ?? '',
      /^line 1: Conversion Error: invalid timestamp .*"SOON".*; line 3: Invalid Input/,
    );
    const shown = await deadLetters.show(tenant, dead!.id, { eventsFrom: 0, limit: 10 });
    assert.deepEqual(
      shown.events.map(({ line, event, text }) => [line, event?.id, text]),
      [
        [1, 't', undefined],
        [3, undefined, lines[3]],
      ],
    );
    const exported: string[] = [];
    for await (const some of deadLetters.export(tenant, {})) exported.push(some);
    const written = exported
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { unreadable?: string });
    assert.deepEqual(
      written.map(({ unreadable }) => unreadable),
      [undefined, `It is not an event: ${lines[3]}`],
    );
    const audited = await auditOf(tenant);
    assert.deepEqual(audited.leftOut, {
      count: 1,
      first: [{ stream: 'events', source: '/test', id: 't', batchId: batch.batchId }],
    });
    assert.deepEqual([audited.missing.count, audited.acknowledged, audited.inWarehouse], [0, 3, 2]);
    assert.ok(isClean(audited));
    // Announced once more, the batch is held, and nothing is dead-lettered again.
    assert.deepEqual((await load(batch)).loads[0]?.alreadyHeld, [batch.batchId]);
    await waiting(tenant, 1);
  });

  it('are loaded by a redrive where they can be by then, and are a dead letter again where not', async () => {
    const tenant = 'rows-again';
    const batch = await write(tenant, [good('a'), untimed('t'), good('b')]);
    await load(batch);
    const [first] = await waiting(tenant, 1);
    await deadLetters.resolve(tenant, first!.id, 'redriven', BY);
    const second = await until(async () => {
      const [dead] = await waiting(tenant, 1);
      assert.notEqual(dead?.id, first?.id);
      return dead!;
    }, SEEN_WITHIN_MS);
    assert.deepEqual([second.count, second.firstEvent], [1, 't']);
    assert.equal((await deadLetters.show(tenant, first!.id, { eventsFrom: 0, limit: 0 })).status, 'redriven');
    await deadLetters.resolve(tenant, second.id, 'discarded', BY);
    await waiting(tenant, 0);

    // What another engine could not load is loaded by this one.
    const held = await write(tenant, [good('c'), good('d')]);
    await pipeline.activities.park(
      unloadableRows(
        held,
        [{ line: 1, text: good('d'), reason: 'not to the taste of an older engine' }],
        Date.now() + 60_000,
      ),
    );
    const [fixable] = await waiting(tenant, 1);
    await deadLetters.resolve(tenant, fixable!.id, 'redriven', BY);
    await until(async () => assert.deepEqual(await idsIn(tenant), ['a', 'b', 'd']), SEEN_WITHIN_MS);
    await waiting(tenant, 0);
  });

  it('say so when their file is gone by the time of a redrive', async () => {
    const tenant = 'rows-gone';
    const batch = await write(tenant, [good('a'), untimed('t')]);
    await load(batch);
    const [first] = await waiting(tenant, 1);
    await rm(batchPath(pipeline.stores.paths.batches, batch));
    await deadLetters.resolve(tenant, first!.id, 'redriven', BY);
    await until(async () => {
      const [again] = await waiting(tenant, 1);
      assert.match(again?.detail ?? '', /gone/);
      assert.equal(again?.count, 1);
    }, SEEN_WITHIN_MS);
  });

  it("are nobody else's", async () => {
    const [mine] = await waiting('rows-left', 1);
    await assert.rejects(
      deadLetters.show('rows-other', mine!.id, { eventsFrom: 0, limit: 1 }),
      /There is none/,
    );
    await waiting('rows-other', 0);
  });
});
