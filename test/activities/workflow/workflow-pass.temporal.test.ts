import assert from 'node:assert/strict';
import { withFailures } from '../../../src/activities/failure.js';
import { signalWithStart } from '../../../src/activities/workflow/signal.js';
import {
  createWorkflowPass,
  type WorkflowPassOutcome,
} from '../../../src/activities/workflow/workflow-pass.js';
import { createDeadLetters } from '../../../src/dead-letters/dead-letters.js';
import type { EventRow } from '../../../src/events/event.js';
import { configuredTenant } from '../../../src/tenants/config/registry.js';
import { deadLetterIdOf } from '../../../src/tenants/workflow-ids.js';
import type { DeadLetterMemo, DeliverResult } from '../../../src/workflows/messages/deliveries.js';
import { resetToStart } from '../../support/histories.js';
import { SILENT, arrivals, startPipeline, type Pipeline } from '../../support/pipeline.js';
import { signalsOf } from '../../support/signals.js';
import { testNamespace } from '../../support/temporal.js';

const SYNC = {
  name: 'sync',
  kind: 'workflow',
  workflow: '"bookingSync"',
  signal: '"booking"',
  taskQueue: '"bookings-" + event.data.region',
  id: 'event.data.booking',
};
/** Temporal starts nothing on a queue of this prefix. */
const REFUSED = { region: 'none', queue: '/_sys/' };

describe('workflow subscriptions', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  const outcomes: WorkflowPassOutcome[] = [];
  /** Workflow ids whose signals are on their way, and the most at once. */
  const underWay: string[] = [];
  let most = 0;

  before(async () => {
    const tenant = (more: object): object => ({
      subscriptions: [{ ...SYNC, ...more }],
      routes: [{ match: {}, to: ['sync'] }],
      aggregates: {},
      rules: [],
    });
    pipeline = await startPipeline({
      'wf-one': tenant({}),
      'wf-two': tenant({}),
      'wf-many': tenant({ maxConcurrency: 4 }),
      'wf-refused': tenant({
        taskQueue: 'has(event.data.queue) ? event.data.queue : "bookings"',
        retry: { schedule: ['2s'] },
      }),
    });
    const { client, registry, stores } = pipeline;
    const workflowPass = createWorkflowPass({
      configOf: (tenant) => configuredTenant(registry, tenant).config,
      batchStore: stores.batchStore,
      deliveryLog: stores.deliveryLog,
      log: SILENT,
      queues: [
        { tenant: '*', queue: 'bookings*' },
        { tenant: 'wf-refused', queue: '/_sys/' },
      ],
      signal: async ({ tenant, subscription, batch: { stream } }, { target, row }, event) => {
        underWay.push(target.id);
        most = Math.max(most, underWay.length);
        assert.equal(new Set(underWay).size, underWay.length, 'two signals to one workflow at once');
        try {
          const of = { stream, source: row.source, id: row.id };
          const signal = { tenant, subscription, target, of, event, namespace: testNamespace() };
          await signalWithStart(client, signal);
        } finally {
          underWay.splice(underWay.indexOf(target.id), 1);
        }
      },
      observe: (_tenant, _name, outcome) => void outcomes.push(outcome),
    });
    pipeline.replaced.workflowPass = withFailures(workflowPass);
  });
  after(() => pipeline.stop());

  const rows = (prefix: string, data: readonly object[]): EventRow[] =>
    arrivals(
      prefix,
      data.map(() => 0),
    ).map((row, n) => ({ ...row, data: data[n] as EventRow['data'] }));

  const signals = (workflowId: string, runId?: string) => signalsOf(pipeline.client, workflowId, runId);

  async function deliver(tenant: string, data: readonly object[], prefix = tenant) {
    const { ended, plan } = await pipeline.submit(tenant, rows(prefix, data));
    const handle = pipeline.client.workflow.getHandle((await ended)!.deliveries![0]!);
    const result = (await handle.result()) as DeliverResult;
    const name = { tenant, subscription: 'sync', batchId: plan.batchId, stream: 'events' } as const;
    return { handle, result, logged: await pipeline.stores.deliveryLog.read(name) };
  }

  it('start a workflow per id, and signal it with its events in order, once however often they are delivered', async () => {
    const eu = { region: 'eu' };
    const { handle, result } = await deliver('wf-one', [
      { ...eu, booking: 'a' },
      { ...eu, booking: 'b' },
      { ...eu, booking: 'a' },
    ]);
    assert.deepEqual([result.delivered, result.deadLettered], [3, 0]);
    assert.deepEqual(
      outcomes.map(({ delivered, failed, retried }) => [delivered, failed, retried]),
      [[3, 0, 0]],
    );
    assert.ok((outcomes[0]?.bytes ?? 0) > 300);
    const expected = { queue: 'bookings-eu', events: ['wf-one-0', 'wf-one-2'] };
    assert.deepEqual(await signals('own/wf-one/a'), expected);
    assert.deepEqual((await signals('own/wf-one/b')).events, ['wf-one-1']);
    await (await resetToStart(handle)).result();
    assert.deepEqual(await signals('own/wf-one/a'), expected);
  });

  it('signal events of two sources and of two streams with one id each', async () => {
    const [one] = rows('same', [{ region: 'eu', booking: 'same' }]) as [EventRow];
    const both = ['/berlin', '/paris'].map((source) => ({ ...one, source }));
    for (const [batch, stream] of [
      [both, 'events'],
      [both.slice(0, 1), 'user-properties'],
    ] as const) {
      const { deliveries } = (await (await pipeline.submit('wf-one', batch, stream)).ended)!;
      for (const id of deliveries!) await pipeline.client.workflow.getHandle(id).result();
    }
    assert.deepEqual((await signals('own/wf-one/same')).events, ['same-0', 'same-0', 'same-0']);
  });

  it('start a workflow that has ended again with what is delivered again: once per event id and run', async () => {
    const { handle } = await deliver('wf-one', [{ region: 'eu', booking: 'c' }], 'again');
    const ended = pipeline.client.workflow.getHandle('own/wf-one/c');
    const { runId } = await ended.describe();
    await ended.terminate();
    await (await resetToStart(handle)).result();
    const { runId: next } = await ended.describe();
    assert.notEqual(next, runId);
    for (const each of [runId, next])
      assert.deepEqual((await signals('own/wf-one/c', each)).events, ['again-0']);
  });

  it('give the workflows of two tenants ids of their own, and dead-letter what no template can be filled from', async () => {
    const { result } = await deliver('wf-two', [{ region: 'eu', booking: 'a' }, { region: 'eu' }]);
    assert.deepEqual([result.delivered, result.deadLettered], [1, 1]);
    assert.deepEqual((await signals('own/wf-two/a')).events, ['wf-two-0']);
    const dead = await pipeline.client.workflow.getHandle(result.deadLetters[0]!).describe();
    const { reason, detail } = dead.memo as unknown as DeadLetterMemo;
    assert.deepEqual([reason, detail], ['undeliverable', '"id" fails: event.data.booking is missing']);
  });

  it('are signalled side by side, within the concurrency that is configured, and each in order', async () => {
    most = 0;
    const ids = Array.from({ length: 200 }, (_, n) => `m${(n * 7) % 11}`);
    const { result } = await deliver(
      'wf-many',
      ids.map((booking) => ({ region: 'eu', booking })),
    );
    assert.equal(result.delivered, 200);
    assert.equal(most, 4);
    for (const id of new Set(ids)) {
      const expected = ids.flatMap((each, n) => (each === id ? [`wf-many-${n}`] : []));
      assert.deepEqual((await signals(`own/wf-many/${id}`)).events, expected);
    }
  });

  it('hold what follows a failed event of the same workflow until that is a dead letter, which shows its attempts', async () => {
    const { result, logged } = await deliver('wf-refused', [
      { booking: 'a' },
      { booking: 'a', ...REFUSED },
      { booking: 'a' },
      { booking: 'b' },
    ]);
    assert.deepEqual([result.delivered, result.deadLettered, result.passes], [3, 1, 2]);
    assert.deepEqual(
      logged.map(({ event, pass, attempt, outcome }) => `${event} ${pass}/${attempt} ${outcome}`).sort(),
      [
        'wf-refused-0 1/1 delivered',
        'wf-refused-1 1/1 failed',
        'wf-refused-1 2/2 failed',
        'wf-refused-2 2/1 delivered',
        'wf-refused-3 1/1 delivered',
      ],
    );
    assert.deepEqual((await signals('own/wf-refused/a')).events, ['wf-refused-0', 'wf-refused-2']);

    const { client, stores } = pipeline;
    const deadLetters = createDeadLetters({
      client,
      namespace: testNamespace(),
      isolationOf: () => 'pooled',
      batchStore: stores.batchStore,
      deliveryLog: stores.deliveryLog,
    });
    const id = deadLetterIdOf('wf-refused', result.deadLetters[0]!)!;
    const { reason, detail, events } = await deadLetters.show('wf-refused', id, { eventsFrom: 0, limit: 10 });
    assert.equal(reason, 'attempts-exhausted');
    assert.match(detail, /task queue/i);
    assert.deepEqual(
      events.map(({ event, attempts }) => [event?.id, attempts.map(({ error }) => error)]),
      [['wf-refused-1', [detail, detail]]],
    );
  });
});
