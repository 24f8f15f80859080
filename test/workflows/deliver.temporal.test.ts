import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { deliveredEvent } from '../../src/events/delivered-event.js';
import type { EventRow } from '../../src/events/event.js';
import { LineSet } from '../../src/events/line-set.js';
import type {
  DeadLetterMemo,
  DeadLetterResult,
  DeliverResult,
  PassInput,
  PassResult,
} from '../../src/workflows/messages/deliveries.js';
import { RemovedSubscriptions } from '../../src/subscriptions/removed-subscriptions.js';
import { resetToStart, scheduledActivities } from '../support/histories.js';
import { arrivals, SILENT, startPipeline, type Pipeline } from '../support/pipeline.js';
import { until } from '../support/until.js';

const PUSH = { name: 'crm', kind: 'push', url: 'https://crm.example/hooks' };
const ALL_TO_CRM = { subscriptions: [PUSH], routes: [{ match: { type: 'flight.*' }, to: ['crm'] }] };

/** Every line of a pass, with how often it was tried. */
const linesOf = ({ pending, batch }: PassInput): [line: number, attempts: number][] =>
  pending.flatMap(({ attempts, lines }) =>
    [...LineSet.decode(lines, batch.events)].map((line): [number, number] => [line, attempts]),
  );

const done = ({ pending }: PassInput): PassResult => ({
  delivered: pending.reduce((sum, { count }) => sum + count, 0),
  failed: 0,
  pending: [],
  dead: [],
});

describe('the workflow deliver', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let passes: PassInput[];

  before(async () => {
    const pulled = { ...ALL_TO_CRM, subscriptions: [{ name: 'crm', kind: 'pull' }] };
    const looped = { ...ALL_TO_CRM, aggregates: {}, rules: [] };
    const derived = {
      subscriptions: [PUSH],
      routes: [
        { match: { type: 'headgate.*', when: 'event.data.rule == "late"' }, to: ['crm'], priority: 'high' },
      ],
    };
    pipeline = await startPipeline({
      ...Object.fromEntries(
        ['some', 'dead', 'woken', 'ahead', 'groups', 'discard', 'reset', 'gone', 'first', 'held', 'down'].map(
          (id) => [`dl-${id}`, ALL_TO_CRM],
        ),
      ),
      'dl-loop': looped,
      'dl-derived': derived,
      'dl-kind': pulled,
    });
  });
  after(() => pipeline.stop());
  beforeEach(() => {
    passes = [];
  });
  afterEach(() => {
    delete pipeline.replaced.pushPass;
  });

  /** Has `answer` stand in for the endpoint. */
  function answering(answer: (input: PassInput) => PassResult): void {
    pipeline.replaced.pushPass = (input) => {
      passes.push(input);
      return Promise.resolve(answer(input));
    };
  }

  async function submit(tenant: string, rows: readonly EventRow[]): Promise<WorkflowHandle[]> {
    const { ended } = await pipeline.submit(tenant, rows);
    const { deliveries = [] } = (await ended) ?? {};
    return deliveries.map((id) => pipeline.client.workflow.getHandle(id));
  }

  it('goes on at once when its subscription is resumed, whether it sleeps or a pass is on its way', async () => {
    let resume = () => Promise.resolve();
    pipeline.replaced.pushPass = async (input) => {
      passes.push(input);
      if (passes.length === 3) return done(input);
      if (passes.length === 2) await resume();
      const pending = input.pending.map((group) => ({ ...group, dueAt: Date.now() + 3_600_000 }));
      return { delivered: 0, failed: 1, pending, dead: [], retryAfterMs: 3_600_000 };
    };
    const [handle] = await submit('dl-woken', arrivals('woken', [90]));
    await until(async () => {
      const { pending } = await handle!.query<{ pending: { dueAt?: number }[] }>('progress');
      assert.ok(pending[0]?.dueAt !== undefined);
    }, 10_000);
    resume = () => handle!.signal('resumed', 2_000);
    await handle!.signal('resumed', 1_000);
    const result = (await handle!.result()) as DeliverResult;
    assert.deepEqual([result.delivered, result.passes], [1, 3]);
    assert.deepEqual(
      passes.map(({ resumedAt, pending }) => [resumedAt, pending[0]?.dueAt]),
      [
        [undefined, undefined],
        [1_000, undefined],
        [2_000, undefined],
      ],
    );
  });

  /** All of a dead letter's lines but those given are delivered. */
  const deadBut =
    (dead: readonly number[], reason = 'attempts-exhausted' as const) =>
    (input: PassInput) => {
      const lines = LineSet.of(dead);
      const detail = 'HTTP 500 Internal Server Error';
      const given = { reason, detail, attempts: 10, lines: lines.encode(), count: dead.length };
      const delivered = linesOf(input).length - dead.length;
      return { delivered, failed: dead.length, pending: [], dead: [given] };
    };

  it('goes on at each resume, also after one by a clock that was days ahead', async () => {
    answering((input) => {
      if (passes.length === 3) return done(input);
      const pending = input.pending.map((group) => ({ ...group, dueAt: Date.now() + 3_600_000 }));
      return { delivered: 0, failed: 1, pending, dead: [], retryAfterMs: 3_600_000 };
    });
    const [handle] = await submit('dl-ahead', arrivals('ahead', [90]));
    for (const [pass, aheadMs] of [3 * 24 * 3_600_000, 0].entries()) {
      await until(async () => {
        const { pending } = await handle!.query<{ pending: { dueAt?: number }[] }>('progress');
        assert.ok(passes.length === pass + 1 && pending[0]?.dueAt !== undefined);
      }, 10_000);
      await handle!.signal('resumed', Date.now() + aheadMs);
    }
    assert.equal(((await handle!.result()) as DeliverResult).passes, 3);
    const [, first = 0, second = 0] = passes.map(({ resumedAt }) => resumedAt ?? 0);
    assert.ok(first < second && second <= Date.now() + 1_000, `${first}, ${second}`);
  });

  it('goes on with what is left, and knows how often it was tried', async () => {
    answering((input) => {
      if (input.pass === 2) return done(input);
      const left = { attempts: 1, lines: LineSet.of([1]).encode(), count: 1 };
      return { delivered: 2, failed: 1, pending: [left], retryAfterMs: 10, dead: [] };
    });
    const [deliver, ...more] = await submit('dl-some', arrivals('some', [10, 20, 30]));
    assert.deepEqual(more, []);
    assert.match(deliver!.workflowId, /^deliver\/dl-some\/crm\/\d{8}-/);
    const result = (await deliver!.result()) as DeliverResult;
    assert.deepEqual(result, { delivered: 3, deadLettered: 0, passes: 2, deadLetters: [] });
    assert.deepEqual(passes.map(linesOf), [
      [
        [0, 0],
        [1, 0],
        [2, 0],
      ],
      [[1, 1]],
    ]);
    const queues = (await scheduledActivities(deliver!)).map(([, queue]) => queue);
    assert.deepEqual(queues, ['tenant.dl-some.sub.crm', 'tenant.dl-some.sub.crm']);
  });

  it('dead-letters what is given up, where it can be found; redriven it is delivered, and says by whom', async () => {
    answering(deadBut([1, 2]));
    const [deliver] = await submit('dl-dead', arrivals('dead', [10, 20, 30]));
    const { deadLetters, ...counts } = (await deliver!.result()) as DeliverResult;
    assert.deepEqual(counts, { delivered: 1, deadLettered: 2, passes: 1 });
    const deadLettered = pipeline.client.workflow.getHandle(deadLetters[0]!);
    const query = 'HeadgateTenant = "dl-dead" AND HeadgateStatus = "dead-letter"';
    const found = async (): Promise<string[]> => {
      const ids: string[] = [];
      for await (const { workflowId } of pipeline.client.workflow.list({ query })) ids.push(workflowId);
      return ids;
    };
    await until(async () => assert.deepEqual(await found(), [deadLettered.workflowId]), 10_000);
    const memo = (await deadLettered.describe()).memo as unknown as DeadLetterMemo;
    assert.deepEqual(
      [memo.reason, memo.detail, memo.count, memo.types, memo.firstEvent, memo.lastEvent],
      ['attempts-exhausted', 'HTTP 500 Internal Server Error', 2, ['flight.arrived'], 'dead-1', 'dead-2'],
    );

    answering(done);
    await deadLettered.signal('redrive', { actor: 'ops@example.com', reason: 'fixed' });
    const { outcome, by, delivery } = (await deadLettered.result()) as DeadLetterResult;
    assert.deepEqual([outcome, by?.actor, delivery?.delivered], ['redriven', 'ops@example.com', 2]);
    assert.deepEqual(passes.map(linesOf).at(-1), [
      [1, 0],
      [2, 0],
    ]);
    await until(async () => assert.deepEqual(await found(), []), 10_000);
  });

  it('dead-letters every group that a pass gives up, also those given up for the same reason', async () => {
    const dead = [0, 1, 2].map((line) => ({
      reason: 'attempts-exhausted' as const,
      detail: `HTTP 50${line}`,
      attempts: line + 1,
      lines: LineSet.of([line]).encode(),
      count: 1,
    }));
    answering(() => ({ delivered: 0, failed: 3, pending: [], dead }));
    const [deliver] = await submit('dl-groups', arrivals('groups', [10, 20, 30]));
    const { deadLetters, deadLettered } = (await deliver!.result()) as DeliverResult;
    assert.equal(deadLettered, 3);
    const memos = await Promise.all(
      deadLetters.map(async (id) => (await pipeline.client.workflow.getHandle(id).describe()).memo),
    );
    assert.deepEqual(
      (memos as unknown as DeadLetterMemo[]).map(({ detail, firstEvent }) => [detail, firstEvent]),
      [0, 1, 2].map((line) => [`HTTP 50${line}`, `groups-${line}`]),
    );
  });

  it('lets a dead letter be discarded, and takes the first signal alone', async () => {
    answering(deadBut([0]));
    const [deliver] = await submit('dl-discard', arrivals('discard', [10]));
    const { deadLetters } = (await deliver!.result()) as DeliverResult;
    const deadLettered = pipeline.client.workflow.getHandle(deadLetters[0]!);
    await deadLettered.signal('discard', { actor: 'ops', reason: 'a test' });
    const result = (await deadLettered.result()) as DeadLetterResult;
    assert.deepEqual(result, { outcome: 'discarded', by: { actor: 'ops', reason: 'a test' } });
  });

  it('can be reset, and so can its batch: nothing is delivered by two workflows', async () => {
    answering(done);
    const { ended, handle } = await pipeline.submit('dl-reset', arrivals('reset', [10, 20]));
    const [first] = (await ended)?.deliveries ?? [];
    const deliver = pipeline.client.workflow.getHandle(first!);
    await deliver.result();
    const again = (await (await resetToStart(handle)).result()) as { deliveries: string[] };
    assert.deepEqual(again.deliveries, [first]);
    assert.equal(passes.length, 1);
    const rerun = (await (await resetToStart(deliver)).result()) as DeliverResult;
    assert.deepEqual([rerun.delivered, passes.length], [2, 2]);
  });

  it('dead-letters events that have passed too many stages, and delivers the others', async () => {
    answering(done);
    const rows = arrivals('loop', [10, 20]).map((row, n) => ({
      ...row,
      extensions: { hops: n === 0 ? 8 : 7 },
    }));
    const handles = await submit('dl-loop', rows);
    const loop = handles.find(({ workflowId }) => workflowId.startsWith('dead-letter/'));
    const memo = (await loop!.describe()).memo as unknown as DeadLetterMemo;
    assert.deepEqual([memo.reason, memo.count, memo.firstEvent], ['loop', 1, 'loop-0']);
    await handles.find(({ workflowId }) => workflowId.startsWith('deliver/'))!.result();
    assert.deepEqual(passes.map(linesOf), [[[1, 0]]]);
  });

  it('delivers the decisions that changed, as events of their own', async () => {
    let delivered: EventRow[] = [];
    pipeline.replaced.pushPass = async (input) => {
      const lines = (await pipeline.stores.batchStore.read(input.batch)).toString('utf8').split('\n');
      delivered = linesOf(input).map(([line]) => deliveredEvent(lines[line]!, input.batch.stream));
      return done(input);
    };
    const [deliver] = await submit('dl-derived', arrivals('derived', [10, 90, 20, 30]));
    assert.match(deliver!.workflowId, /\/decisions\/high$/);
    await deliver!.result();
    assert.deepEqual(
      delivered.map(({ type, subject, stage, data, extensions }) => [type, subject, stage, data, extensions]),
      [
        [
          'headgate.decision.changed',
          delivered[0]?.subject,
          'decision',
          {
            event_id: 'derived-1',
            rule: 'late',
            outcome: 'eligible',
            ...(delivered[0]?.data as object),
          },
          { hops: 1 },
        ],
      ],
    );
  });

  it('hands out first what has priority, once a paused subscription goes on', async () => {
    answering(done);
    const { control } = pipeline;
    await control.change('dl-first', 'crm', { to: 'paused', by: 'a test' });
    const priorities = ['low', 'high', 'low', 'high'] as const;
    const delivering: WorkflowHandle[] = [];
    for (const [n, priority] of priorities.entries())
      delivering.push(...(await submit('dl-first', [{ ...arrivals(`first-${n}`, [10])[0]!, priority }])));
    // All wait in the queue.
    await until(async () => {
      for (const handle of delivering)
        assert.equal((await scheduledActivities(handle)).length, 1, `${handle.workflowId} has not asked yet`);
    }, 10_000);
    assert.equal(passes.length, 0);
    await control.change('dl-first', 'crm', { to: 'active', by: 'a test' });
    await Promise.all(delivering.map((handle) => handle.result()));
    const order = passes.map(({ batch }) =>
      delivering
        .find(({ workflowId }) => workflowId.includes(batch.batchId))!
        .workflowId.split('/')
        .at(-1),
    );
    assert.deepEqual(order, ['high', 'high', 'low', 'low']);
  });

  it('dead-letters what waits for a subscription that is not configured any more', async () => {
    const [plan, chunk] = await pipeline.spooled('dl-gone', arrivals('gone', [10]));
    await pipeline.tenant('dl-gone', {});
    const { deliveries } = (await pipeline.carry(plan, chunk).ended) ?? {};
    const deadLettered = pipeline.client.workflow.getHandle(deliveries![0]!);
    const memo = (await deadLettered.describe()).memo as unknown as DeadLetterMemo;
    assert.deepEqual([memo.reason, memo.count], ['subscription-removed', 1]);
  });

  it('dead-letters at once what waits for a paused subscription, or pauses between attempts, when that is removed', async () => {
    const { client, registry, control } = pipeline;
    answering(({ pending }) => ({
      delivered: 0,
      failed: 1,
      dead: [],
      retryAfterMs: 3_600_000,
      pending: pending.map((group) => ({ ...group, attempts: 1, dueAt: Date.now() + 3_600_000 })),
    }));
    const [pausing] = await submit('dl-held', arrivals('pausing', [10]));
    await until(async () => {
      const { pending } = await pausing!.query<{ pending: { attempts: number }[] }>('progress');
      assert.equal(pending[0]?.attempts, 1);
    }, 10_000);
    await control.change('dl-held', 'crm', { to: 'paused', by: 'a test' });
    const [waiting] = await submit('dl-held', arrivals('waiting', [10, 20]));
    await until(async () => assert.equal((await scheduledActivities(waiting!)).length, 1), 10_000);

    const removed = new RemovedSubscriptions({ client, registry, log: SILENT, lookAgainMs: 100 });
    removed.start();
    try {
      await pipeline.tenant('dl-held', {});
      for (const [handle, count, attempts] of [
        [pausing!, 1, 1],
        [waiting!, 2, 0],
      ] as const) {
        const { deadLetters, deadLettered } = (await handle.result()) as DeliverResult;
        assert.equal(deadLettered, count);
        const memo = (await client.workflow.getHandle(deadLetters[0]!).describe()).memo;
        const { reason, attempts: tried } = memo as unknown as DeadLetterMemo;
        assert.deepEqual([reason, tried], ['subscription-removed', attempts]);
      }
    } finally {
      removed.stop();
    }
  });

  it('goes on as what its subscription is now, where that has become of another kind', async () => {
    const [waiting] = await submit('dl-kind', arrivals('kind', [10, 20]));
    await until(async () => assert.equal((await scheduledActivities(waiting!)).length, 1), 10_000);
    answering(done);
    await pipeline.tenant('dl-kind', ALL_TO_CRM);
    const { delivered, deadLettered } = (await waiting!.result()) as DeliverResult;
    assert.deepEqual([delivered, deadLettered], [2, 0]);
    const scheduled = (await scheduledActivities(waiting!)).map(([name]) => name);
    assert.deepEqual(scheduled, ['pullPass', 'reviewWaiting', 'pushPass']);
  });

  it('dead-letters what waits for a subscription that was removed while nobody looked, at the next start', async () => {
    const { client, registry, control } = pipeline;
    await control.change('dl-down', 'crm', { to: 'paused', by: 'a test' });
    const [waiting] = await submit('dl-down', arrivals('down', [10]));
    await until(async () => assert.equal((await scheduledActivities(waiting!)).length, 1), 10_000);
    await pipeline.tenant('dl-down', {});
    const running = 'WorkflowType = "deliver" AND ExecutionStatus = "Running" AND HeadgateTenant = "dl-down"';
    await until(async () => assert.equal((await client.workflow.count(running)).count, 1), 10_000);
    const removed = new RemovedSubscriptions({ client, registry, log: SILENT });
    removed.start();
    try {
      assert.equal(((await waiting!.result()) as DeliverResult).deadLettered, 1);
    } finally {
      removed.stop();
    }
  });

  it('goes on waiting when it is looked at and its subscription is still there', async () => {
    const { control } = pipeline;
    answering(done);
    await control.change('dl-some', 'crm', { to: 'paused', by: 'a test' });
    const [waiting] = await submit('dl-some', arrivals('still-there', [10]));
    await until(async () => assert.equal((await scheduledActivities(waiting!)).length, 1), 10_000);
    await waiting!.signal('review');
    // The pass that was called off, the look, and a pass that waits as the first did.
    await until(async () => assert.equal((await scheduledActivities(waiting!)).length, 3), 10_000);
    await control.change('dl-some', 'crm', { to: 'active', by: 'a test' });
    assert.equal(((await waiting!.result()) as DeliverResult).delivered, 1);
  });
});
