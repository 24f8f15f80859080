import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { createReplays, type Replays } from '../../src/replays/replays.js';
import type { EventRow, InputStream } from '../../src/events/event.js';
import { LineSet } from '../../src/events/line-set.js';
import { readVersion } from '../../src/tenants/config/versions.js';
import type { PassInput, PassResult } from '../../src/workflows/messages/deliveries.js';
import type { ReplayReport } from '../../src/workflows/messages/replays.js';
import { gate } from '../support/gate.js';
import { resetToStart, scheduledActivities } from '../support/histories.js';
import { arrivals, startPipeline, type Pipeline } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const PUSH = { kind: 'push', url: 'https://crm.example/hooks' };
const ROUTED = {
  subscriptions: [
    { name: 'crm', ...PUSH },
    { name: 'late', ...PUSH },
    { name: 'unrouted', ...PUSH },
  ],
  routes: [
    { match: { type: 'flight.*' }, to: ['crm'], priority: 'high' },
    { match: { type: 'flight.arrived', when: 'event.data.minutes >= 60' }, to: ['late'] },
  ],
};

/** Some minutes past a moment half an hour ago: what is kept must not be older than its retention. */
const BEGAN = Date.now() - 30 * 60_000;
const at = (minute: number) => new Date(BEGAN + minute * 60_000).toISOString();
const TODAY = new Date().toISOString().slice(0, 10).replaceAll('-', '');

const delivered = ({ pending }: PassInput): PassResult => ({
  delivered: pending.reduce((sum, { count }) => sum + count, 0),
  failed: 0,
  pending: [],
  dead: [],
});

describe('the workflow replay', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let replays: Replays;
  let passes: PassInput[];

  before(async () => {
    const names = ['all', 'one', 'range', 'fill', 'reset', 'cancel', 'looped', 'rules'];
    pipeline = await startPipeline(Object.fromEntries(names.map((name) => [`rp-${name}`, ROUTED])));
    const { client, registry, stores } = pipeline;
    replays = createReplays({
      client,
      namespace: testNamespace(),
      batchStore: stores.batchStore,
      node: '0123abcd',
      spools: () => Promise.resolve([]),
      tenantOf: (tenant) => registry.get(tenant),
      versionOf: (tenant, version) => readVersion(stores.paths.tenantVersions, tenant, version),
    });
  });
  after(() => pipeline.stop());
  beforeEach(() => {
    passes = [];
    pipeline.replaced.pushPass = (input) => {
      passes.push(input);
      return Promise.resolve(delivered(input));
    };
  });
  let written = 0;
  /** Keeps a batch as ingest does; `minute` is when it came. */
  async function keep(
    tenant: string,
    rows: readonly EventRow[],
    minute: number,
    stream: InputStream = 'events',
  ) {
    const batchId = `${TODAY}-0123abcd-${(++written).toString(36).padStart(9, '0')}`;
    const received = { received_at: at(minute) };
    const lines = rows.map((row) => `${JSON.stringify({ ...row, ...received })}\n`);
    const name = { tenant, stream, batchId };
    return pipeline.stores.batchStore.write(name, gzipSync(lines.join('')), rows.length);
  }

  async function run(tenant: string, request: object): Promise<[ReplayReport, WorkflowHandle]> {
    const { workflowId } = await replays.start(tenant, request);
    const handle = pipeline.client.workflow.getHandle(workflowId);
    return [(await handle.result()) as ReplayReport, handle];
  }

  /** What the passes were given: subscription, batch's first event number, lines. */
  const given = () =>
    passes
      .map(({ subscription, batch, pending }) => {
        const lines = pending.flatMap(({ lines }) => [...LineSet.decode(lines, batch.events)]);
        return `${subscription} ${batch.batchId} ${lines.join()}`;
      })
      .sort();

  const settled = (count: number) => until(() => assert.equal(passes.length, count), 10_000);

  it('delivers all that is kept again as the routes say, each batch and subscription separately', async () => {
    const [a, b] = [
      await keep('rp-all', arrivals('a', [10, 90]), 1),
      await keep('rp-all', arrivals('b', [70, 80]), 2),
    ];
    const [report, handle] = await run('rp-all', {});
    await settled(4);
    const all = [`crm ${a.batchId} 0,1`, `crm ${b.batchId} 0,1`];
    assert.deepEqual(given(), [...all, `late ${a.batchId} 1`, `late ${b.batchId} 0,1`].sort());
    const { batches, events, matched, deliveries, skipped, bytes } = report;
    assert.deepEqual({ batches, events, matched, deliveries, skipped }, { batches: 2, events: 4, matched: 7, deliveries: 4, skipped: 0 }); // prettier-ignore
    assert.equal(bytes, a.bytes + b.bytes);
    assert.deepEqual(await scheduledActivities(handle), [['replayPage', 'tenant.rp-all']]);
    for (const { cause } of passes) assert.match(cause ?? '', /^replay-2/);
  });

  it('is for one subscription, one of no route too where its types are said', async () => {
    const batch = await keep('rp-one', arrivals('o', [10, 90]), 1);
    await run('rp-one', { subscription: 'late' });
    await settled(1);
    await run('rp-one', { subscription: 'unrouted', types: ['flight.arr*', 'other'] });
    await settled(2);
    assert.deepEqual(given(), [`late ${batch.batchId} 1`, `unrouted ${batch.batchId} 0,1`]);
    await run('rp-one', { subscription: 'unrouted', types: ['flight.departed'] });
    await run('rp-one', { subscription: 'crm', stream: 'user-properties' });
    assert.equal(passes.length, 2);
  });

  it('keeps to its range: by receipt the first moment counts, the last does not; or by the events own time', async () => {
    for (const minute of [1, 2, 3]) await keep('rp-range', arrivals(`r${minute}`, [90]), minute);
    const between = { from: at(2), to: at(3) };
    assert.equal((await run('rp-range', { ...between, subscription: 'crm' }))[0].events, 1);
    const own = { from: '2013-01-01T05:00:00Z', to: '2013-01-01T05:01:00Z', eventTime: true };
    assert.equal((await run('rp-range', { ...own, subscription: 'crm' }))[0].events, 3);
    assert.equal((await run('rp-range', { ...own, eventTime: false, subscription: 'crm' }))[0].events, 0);
  });

  it('fills a new subscription once, however often that is run, and again only with what is new', async () => {
    await keep('rp-fill', arrivals('f', [10, 90]), 1);
    const fill = { into: 'unrouted', types: ['flight.*'] };
    assert.equal((await run('rp-fill', fill))[0].matched, 2);
    await settled(1);
    await run('rp-fill', fill);
    const later = await keep('rp-fill', arrivals('g', [10]), 2);
    await run('rp-fill', fill);
    await settled(2);
    assert.equal(passes[1]?.batch.batchId, later.batchId);
  });

  it('starts no delivery twice when it is reset, or a page is tried again', async () => {
    await keep('rp-reset', arrivals('x', [10]), 1);
    await keep('rp-reset', arrivals('y', [10]), 2);
    const { replayPage } = pipeline.activities;
    let attempts = 0;
    pipeline.replaced.replayPage = async (input) => {
      const result = await replayPage(input);
      if (++attempts === 1) throw new Error('the answer is lost');
      return result;
    };
    const [report, handle] = await run('rp-reset', { subscription: 'crm' });
    await settled(2);
    const again = (await (await resetToStart(handle)).result()) as ReplayReport;
    delete pipeline.replaced.replayPage;
    assert.deepEqual([attempts, passes.length], [3, 2], 'one attempt more, and one of the reset');
    assert.deepEqual([report.deliveries, again.deliveries], [2, 2]);
  });

  it('is cancelled by Temporal, and says where it was', async () => {
    await keep('rp-cancel', arrivals('c', [10]), 1);
    const reached = gate();
    pipeline.replaced.replayPage = async () => {
      const { Context } = await import('@temporalio/activity');
      Context.current().heartbeat({ phase: 'range', batches: 0, events: 7 });
      reached.open();
      return Context.current().cancelled;
    };
    const { id, workflowId } = await replays.start('rp-cancel', { subscription: 'crm' });
    await reached.passed;
    await until(async () => assert.equal((await replays.show('rp-cancel', id)).progress?.events, 7), 10_000);
    await replays.cancel('rp-cancel', id);
    const failed = await pipeline.client.workflow.getHandle(workflowId).result().catch((error: unknown) => error); // prettier-ignore
    delete pipeline.replaced.replayPage;
    assert.ok(failed instanceof WorkflowFailedError && failed.cause instanceof CancelledFailure);
    const { status, report, progress } = await replays.show('rp-cancel', id);
    assert.deepEqual([status, report, typeof progress?.events], ['cancelled', undefined, 'number']);
    await assert.rejects(replays.cancel('rp-all', id), { code: 'NOT_FOUND' });
    await assert.rejects(replays.show('rp-all', id), { code: 'NOT_FOUND' });
    await until(async () => assert.equal((await replays.list('rp-cancel'))[0]?.status, 'cancelled'), 10_000);
  });

  it('leaves out what has passed too many stages: live, that became a dead letter', async () => {
    const [row] = arrivals('l', [10]);
    await keep('rp-looped', [{ ...row!, extensions: { hops: 8 } }], 1);
    const [{ events, matched, skipped }] = await run('rp-looped', {});
    assert.deepEqual({ events, matched, skipped }, { events: 1, matched: 0, skipped: 1 });
  });

  it('decides by a version that is kept; one that is not, later, fails it for good with a reason', async () => {
    await keep('rp-rules', arrivals('v', [10, 90]), 1);
    const [report] = await run('rp-rules', { rules: 'current', dryRun: true });
    assert.deepEqual([report.matched, report.rules?.[0]?.notRecordedBefore], [2, 2]);
    const [counted] = await run('rp-rules', { dryRun: true });
    const wouldDeliver = [
      { subscription: 'crm', events: 2 },
      { subscription: 'late', events: 1 },
    ];
    assert.deepEqual([counted.wouldDeliver, counted.rules?.length], [wouldDeliver, 1]);
    pipeline.replaced.redecide = () =>
      Promise.reject(ApplicationFailure.create({ type: 'REPLAY_TOO_LARGE', message: 'too many', nonRetryable: true })); // prettier-ignore
    const { id } = await replays.start('rp-rules', { rules: 'current' });
    const { error } = await until(async () => {
      const view = await replays.show('rp-rules', id);
      assert.equal(view.status, 'failed');
      return view;
    }, 10_000);
    delete pipeline.replaced.redecide;
    assert.deepEqual(error, { code: 'REPLAY_TOO_LARGE', message: 'too many' });
  });
});
