import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { createAnnounceKept } from '../../src/activities/warehouse/announce-kept.js';
import type { BatchName, BatchRef, Stream } from '../../src/events/event.js';
import { BatchIds } from '../../src/ingest/batch-ids.js';
import { ReloadForgotten } from '../../src/roles/reload-forgotten.js';
import { batchPath } from '../../src/stores/batch-store/file.js';
import { startReload } from '../../src/temporal/start-reload.js';
import { reloadWorkflowId } from '../../src/tenants/workflow-ids.js';
import type { ReloadResult } from '../../src/workflows/messages/reloads.js';
import { countInFiles } from '../support/parquet.js';
import { arrivals, SILENT, startPipeline, type Pipeline } from '../support/pipeline.js';
import { until } from '../support/until.js';

describe('the workflow reload', function () {
  this.timeout(30_000);
  let pipeline: Pipeline;
  let written = 0;

  before(async () => {
    const names = ['all', 'other', 'days', 'damaged', 'goes-on', 'start', 'start-two'];
    pipeline = await startPipeline(Object.fromEntries(names.map((name) => [`rl-${name}`, {}])));
  });
  after(() => pipeline.stop());

  /** Writes a batch file of two events. */
  async function write(tenant: string, day = '20240310', stream: Stream = 'events'): Promise<BatchRef> {
    written += 1;
    const batchId = `${day}-0123abcd-${String(written).padStart(9, '0')}`;
    const rows = arrivals(`b${written}`, [1, 2]).map((row) => `${JSON.stringify(row)}\n`);
    return pipeline.stores.batchStore.write({ tenant, stream, batchId }, gzipSync(rows.join('')), 2);
  }

  async function reload(tenant: string, days: { from?: string; to?: string } = {}): Promise<ReloadResult> {
    const workflowId = await startReload(pipeline.client, { tenant, isolation: 'pooled', id: 'a', ...days });
    return (await pipeline.client.workflow.getHandle(workflowId).result()) as ReloadResult;
  }

  const inFiles = (tenant: string) => countInFiles(pipeline.stores.paths.warehouse, tenant);

  it('has all kept batches of the tenant loaded, once, and none of another', async () => {
    await write('rl-other');
    for (const stream of ['events', 'events', 'user-properties'] as const)
      await write('rl-all', '20240310', stream);
    assert.deepEqual(await reload('rl-all'), { batches: 3, rows: 6, unreadable: 0 });
    const all = { decisions: 0, events: 4, user_properties: 2 };
    await until(async () => assert.deepEqual(await inFiles('rl-all'), all), 10_000);
    assert.deepEqual(await reload('rl-all'), { batches: 3, rows: 6, unreadable: 0 }, 'is not run again');
    assert.deepEqual(await inFiles('rl-all'), all);
    assert.equal((await inFiles('rl-other')).events, 0);
  });

  it('takes the days that are asked for', async () => {
    for (const day of ['20240309', '20240310', '20240311']) await write('rl-days', day);
    const only = { from: '2024-03-10', to: '2024-03-10' };
    assert.deepEqual(await reload('rl-days', only), { batches: 1, rows: 2, unreadable: 0 });
  });

  it('counts damaged files, and goes on', async () => {
    const [damaged] = [await write('rl-damaged'), await write('rl-damaged')];
    writeFileSync(batchPath(pipeline.stores.paths.batches, damaged), 'no gzip');
    assert.deepEqual(await reload('rl-damaged'), { batches: 1, rows: 2, unreadable: 1 });
  });

  it('announces in groups, in the order of the ids, stream by stream', async () => {
    const names = Array.from({ length: 250 }, (_, n) => `20240310-0123abcd-${String(n).padStart(9, '0')}`);
    const groups: string[][] = [];
    const announceKept = createAnnounceKept({
      pauseMs: 0,
      batchStore: {
        list: async function* ({ tenant, stream }) {
          if (stream === 'events') for (const batchId of names) yield { tenant, stream, batchId };
        },
        open: (name: BatchName) =>
          Promise.resolve({ ref: { ...name, events: 2, bytes: 1, sha256: '' }, ndjson: Buffer.alloc(0) }),
      },
      announce: (refs) => {
        groups.push(refs.map(({ batchId }) => batchId));
        return Promise.resolve({ workflowId: '', runId: '' });
      },
    });
    assert.deepEqual(await announceKept({ tenant: 'UA' }), { batches: 250, rows: 500, unreadable: 0 });
    assert.deepEqual(
      groups.map((group) => group.length),
      [100, 100, 50],
    );
    assert.deepEqual(groups.flat(), names);
    await assert.rejects(announceKept({ tenant: '../UA' }), { code: 'TENANT_ID_INVALID' });
  });

  describe('when Temporal has lost data', () => {
    const started = async (tenant: string, batchId: string): Promise<boolean> =>
      pipeline.client.workflow
        .getHandle(reloadWorkflowId(tenant, `after.${batchId}`))
        .describe()
        .then(
          () => true,
          () => false,
        );

    function reloadsOf(batch: BatchName | undefined): ReloadForgotten {
      return new ReloadForgotten({
        client: pipeline.client,
        spool: { lastStarted: () => batch },
        registry: {
          list: () => pipeline.registry.list().filter(({ config }) => config.tenant.startsWith('rl-start')),
        },
        log: SILENT,
        signal: new AbortController().signal,
      });
    }

    const lookAt = (batch: BatchName | undefined): Promise<void> => reloadsOf(batch).look();

    const nameOf = (batchId: string): BatchName => ({ tenant: 'rl-start', stream: 'events', batchId });

    it('is for all tenants when Temporal does not know the batch that it got last; once', async () => {
      const batchId = new BatchIds('0123abcd').next();
      for (const attempt of ['first', 'as after a crash']) {
        await lookAt(nameOf(batchId));
        for (const tenant of ['rl-start', 'rl-start-two'])
          assert.ok(await started(tenant, batchId), `${attempt}: ${tenant}`);
      }
    });

    it('is not where it knows that batch, got none, or may have forgotten it by its retention', async () => {
      const { plan, ended } = await pipeline.submit('rl-start', arrivals('known', [1]));
      await ended;
      await lookAt(plan);
      await lookAt(undefined);
      const old = new BatchIds('0123abcd', [], () => Date.now() - 400 * 24 * 3_600_000).next();
      await lookAt(nameOf(old));
      for (const batchId of [plan.batchId, old]) assert.equal(await started('rl-start', batchId), false);
    });

    it('is asked for once by all batches that are found to be forgotten at one time', async () => {
      const ids = new BatchIds('0123abcd');
      const [first, second] = [ids.next(), ids.next()];
      const reloads = reloadsOf(undefined);
      await reloads.found(nameOf(first));
      await reloads.found(nameOf(second));
      assert.equal(await started('rl-start-two', first), true);
      assert.equal(await started('rl-start-two', second), false);
    });
  });
});
