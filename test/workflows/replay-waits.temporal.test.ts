import assert from 'node:assert/strict';
import { createBatchedActivities } from '../../src/activities/replay/await-batched.js';
import { createReplays, type Replays, type ReplayView } from '../../src/replays/replays.js';
import { Batched } from '../../src/ingest/batched.js';
import type { Chunk } from '../../src/events/chunk.js';
import { readVersion } from '../../src/tenants/config/versions.js';
import { startStateWorker, type StateWorker } from '../../src/workers/state-worker.js';
import { scheduledActivities } from '../support/histories.js';
import { arrivals, SILENT, startPipeline, type Pipeline } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const NODE = '0123abcd';
/** No process has it. */
const AWAY = 'ffffffff';
const SOON_MS = 20_000;
const DRY = { rules: 'current', dryRun: true } as const;

describe('a replay and the spools that may hold events of its range', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let state: StateWorker;
  let batched: Batched;
  let unsent: Chunk[];

  before(async () => {
    const names = ['waits', 'gives-up', 'away', 'goes-on'];
    const crm = { name: 'crm', kind: 'push', url: 'https://crm.example/hooks' };
    const routed = { subscriptions: [crm], routes: [{ match: { type: 'flight.*' }, to: ['crm'] }] };
    pipeline = await startPipeline(Object.fromEntries(names.map((name) => [`rw-${name}`, routed])));
    const { connection } = pipeline;
    batched = new Batched({
      unsent: (tenant, stream) => unsent.filter((each) => each.tenant === tenant && each.stream === stream),
      settledOf: () => Promise.resolve(),
    });
    const watching = { node: NODE, watch: batched.watch.bind(batched), heartbeatIntervalMs: 100 };
    const activities = {
      ...createBatchedActivities(watching),
      redecide: () => Promise.reject(new Error('not here')),
    };
    state = startStateWorker({ connection, namespace: testNamespace(), node: NODE, activities, log: SILENT });
  });
  beforeEach(() => {
    unsent = [];
    pipeline.replaced.pushPass = () => Promise.resolve({ delivered: 0, failed: 0, pending: [], dead: [] });
  });
  after(async () => {
    await state.stop();
    await pipeline.stop();
  });

  function replaysOver(spools: readonly string[], spoolWaitMs: number): Replays {
    const { client, registry, stores } = pipeline;
    return createReplays({
      client,
      namespace: testNamespace(),
      batchStore: stores.batchStore,
      node: NODE,
      spoolWaitMs,
      spools: () => Promise.resolve(spools),
      tenantOf: (tenant) => registry.get(tenant),
      versionOf: (tenant, version) => readVersion(stores.paths.tenantVersions, tenant, version),
    });
  }

  const ended = (replays: Replays, tenant: string, id: string): Promise<ReplayView> =>
    until(async () => {
      const view = await replays.show(tenant, id);
      assert.equal(view.status, 'completed');
      return view;
    }, SOON_MS);

  /** Takes events into the spool; `carry` hands them over. */
  async function spool(tenant: string, minutes: readonly number[]): Promise<{ carry: () => Promise<void> }> {
    const [plan, chunk] = await pipeline.spooled(tenant, arrivals(tenant, minutes));
    unsent.push(chunk);
    const onHandedOver = (chunks: readonly Chunk[]): void => {
      unsent = unsent.filter(({ seq }) => !chunks.some((each) => each.seq === seq));
      batched.handedOver(chunks);
    };
    return { carry: async () => void (await pipeline.carry(plan, chunk, { onHandedOver }).ended) };
  }

  it('has what was in the spool, and says that it waits for it', async () => {
    const replays = replaysOver([NODE], SOON_MS);
    const { carry } = await spool('rw-waits', [10, 90, 80]);
    const { id, workflowId } = await replays.start('rw-waits', DRY);
    const progress = await until(async () => {
      const { progress } = await replays.show('rw-waits', id);
      assert.equal(progress?.waitsFor?.[0]?.code, 'events-in-spool');
      return progress;
    }, SOON_MS);
    assert.equal(progress.phase, 'batching');
    const [{ node, events, oldestReceipt, message } = assert.fail()] = progress.waitsFor ?? [];
    assert.deepEqual([node, events, typeof oldestReceipt], [NODE, 3, 'string']);
    assert.match(
      message,
      /^3 acknowledged events, the oldest received at 20.*Z, are in the spool of node 0123abcd/,
    );
    await carry();
    const { report } = await ended(replays, 'rw-waits', id);
    assert.deepEqual([report?.events, report?.notes, report?.unbatched], [3, [], undefined]);
    const handle = pipeline.client.workflow.getHandle(workflowId);
    assert.deepEqual(await scheduledActivities(handle), [
      ['awaitBatched', `headgate.state.${NODE}`],
      ['redecide', 'tenant.rw-waits'],
    ]);
  });

  it('says how many are missing once it has waited for long enough', async () => {
    const replays = replaysOver([NODE], 500);
    const { carry } = await spool('rw-gives-up', [10, 90]);
    for (const request of [DRY, { subscription: 'crm' }]) {
      const { id } = await replays.start('rw-gives-up', request);
      const { report } = await ended(replays, 'rw-gives-up', id);
      assert.equal(report?.events, 0);
      assert.deepEqual(
        report?.unbatched?.map(({ code, events }) => [code, events]),
        [['events-in-spool', 2]],
      );
      assert.equal(report?.notes.length, 1);
      assert.match(report?.notes[0] ?? '', /^This replay is incomplete\. 2 acknowledged events/);
    }
    await carry();
  });

  it('says that it may be incomplete where the process of a spool does not answer', async () => {
    const replays = replaysOver([NODE, AWAY], 1_000);
    const { id } = await replays.start('rw-away', DRY);
    await until(async () => {
      const { progress } = await replays.show('rw-away', id);
      const away = progress?.waitsFor?.find(({ node }) => node === AWAY);
      assert.equal(away?.code, 'spool-away');
    }, SOON_MS);
    const { report } = await ended(replays, 'rw-away', id);
    assert.deepEqual(
      report?.unbatched?.map(({ node, code }) => [node, code]),
      [[AWAY, 'spool-away']],
    );
    assert.match(report?.notes[0] ?? '', /^This replay may be incomplete\. The API of node ffffffff has not/);
  });

  it('says so at its end too where it continues as new', async () => {
    const replays = replaysOver([AWAY], 500);
    const inputs: object[] = [];
    pipeline.replaced.replayPage = (input) => {
      inputs.push(input);
      return Promise.resolve({ counts: { ...input.soFar, events: 1 } });
    };
    const { id } = await replays.start('rw-goes-on', { subscription: 'crm' });
    await ended(replays, 'rw-goes-on', id);
    delete pipeline.replaced.replayPage;
    const [input = assert.fail()] = inputs;
    const again = await pipeline.client.workflow.start('replay', {
      workflowId: `replay/rw-goes-on/${id}-on`,
      taskQueue: 'pool.0',
      args: [{ ...input, cursor: { stream: 'events', batchId: '' } }],
    });
    const report = (await again.result()) as { notes: string[] };
    assert.match(report.notes[0] ?? '', /may be incomplete/);
    assert.deepEqual(await scheduledActivities(again), [['replayPage', 'tenant.rw-goes-on']]);
  });
});
