import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fold, MAX_ENTRIES, newAggregateState, SLOTS_PER_WINDOW, valueAt } from '../../src/rules/fold.js';
import type { AggregateOp } from '../../src/rules/rule-config.js';

const OPS: readonly AggregateOp[] = ['count', 'sum', 'min', 'max', 'last'];
const WINDOW = 100;

interface Entry {
  readonly id: number;
  readonly time: number;
  readonly value: number;
}

/** The aggregate by its definition: everything so far, filtered by time, in order of time and arrival. */
function naive(op: AggregateOp, entries: readonly Entry[], time: number): unknown {
  const inWindow = entries.filter((entry) => entry.time >= time - WINDOW && entry.time <= time);
  const values = inWindow.sort((a, b) => a.time - b.time).map((entry) => entry.value);
  if (op === 'count') return values.length;
  if (op === 'sum') return values.reduce((sum, value) => sum + value, 0);
  if (values.length === 0) return undefined;
  if (op === 'last') return values.at(-1);
  return op === 'min' ? Math.min(...values) : Math.max(...values);
}

const valueFor = (op: AggregateOp, value: number) => (op === 'count' ? 1 : value);

describe('rules/fold', () => {
  const steps = fc.array(
    fc.record({ step: fc.integer({ min: 0, max: 60 }), value: fc.integer({ min: -50, max: 50 }) }),
    { maxLength: 80 },
  );

  for (const op of OPS) {
    it(`${op} equals a recomputation from all events, for events in order`, () => {
      fc.assert(
        fc.property(steps, (events) => {
          const state = newAggregateState('d');
          const seen: Entry[] = [];
          let time = 1_000_000;
          for (const [id, { step, value }] of events.entries()) {
            time += step;
            seen.push({ id, time, value });
            fold(state, { op, windowMs: WINDOW }, id, time, valueFor(op, value));
            assert.equal(valueAt(state, { op, windowMs: WINDOW }, time), naive(op, [...seen], time));
          }
        }),
        { numRuns: 60 },
      );
    });

    it(`${op} is exact for events up to one window late`, () => {
      const late = fc.array(
        fc.record({
          step: fc.integer({ min: 0, max: 60 }),
          late: fc.integer({ min: 0, max: WINDOW }),
          value: fc.integer({ min: -50, max: 50 }),
        }),
        { maxLength: 80 },
      );
      fc.assert(
        fc.property(late, (events) => {
          const state = newAggregateState('d');
          const seen: Entry[] = [];
          let newest = 1_000_000;
          for (const [id, event] of events.entries()) {
            const time = newest + event.step - event.late;
            newest = Math.max(newest, time);
            seen.push({ id, time, value: event.value });
            fold(state, { op, windowMs: WINDOW }, id, time, valueFor(op, event.value));
            assert.equal(valueAt(state, { op, windowMs: WINDOW }, time), naive(op, [...seen], time));
          }
        }),
        { numRuns: 60 },
      );
    });
  }

  it('changes nothing when events are folded again, at once or all of them later', () => {
    fc.assert(
      fc.property(steps, (events) => {
        const state = newAggregateState('d');
        const rule = { op: 'sum', windowMs: WINDOW } as const;
        let time = 0;
        const timed = events.map(({ step, value }, id) => ({ id, value, time: (time += step) }));
        for (const event of timed) {
          assert.equal(fold(state, rule, event.id, event.time, event.value), true);
          assert.equal(fold(state, rule, event.id, event.time, event.value), false);
        }
        const before = structuredClone(state);
        for (const event of timed) fold(state, rule, event.id, event.time, event.value);
        assert.deepEqual(state, before);
      }),
      { numRuns: 60 },
    );
  });

  it('knows an event again when it comes with another time', () => {
    const state = newAggregateState('d');
    const rule = { op: 'count', windowMs: WINDOW } as const;
    fold(state, rule, 1, 1000, 1);
    assert.equal(fold(state, rule, 1, 1050, 1), false);
    assert.equal(valueAt(state, rule, 1050), 1);
  });

  it('includes both ends of the window', () => {
    const state = newAggregateState('d');
    const rule = { op: 'count', windowMs: WINDOW } as const;
    for (const [id, time] of [899, 900, 1000, 1001].entries()) fold(state, rule, id, time, 1);
    assert.equal(valueAt(state, rule, 1000), 2);
  });

  it('forgets what is older than two windows, and takes nothing older', () => {
    const state = newAggregateState('d');
    const rule = { op: 'count', windowMs: WINDOW } as const;
    for (const [id, time] of [0, 799, 800, 1000].entries()) fold(state, rule, id, time, 1);
    assert.deepEqual(state.times, [800, 1000]);
    assert.equal(fold(state, rule, 9, 799, 1), false);
  });

  it('takes no event without a time', () => {
    const state = newAggregateState('d');
    assert.equal(fold(state, { op: 'count', windowMs: WINDOW }, 1, Number.NaN, 1), false);
  });

  it('stays within its bound for a very busy subject, and right to a slot', function () {
    this.timeout(20_000);
    const windowMs = 20_000;
    const newest = 50_000;
    const busy = (op: AggregateOp) => {
      const state = newAggregateState('d');
      for (let time = 1; time <= newest; time++) {
        fold(state, { op, windowMs }, time, time, valueFor(op, time));
        if (state.times.length > MAX_ENTRIES + 2 * SLOTS_PER_WINDOW + 1)
          assert.fail(`${state.times.length} entries`);
      }
      return valueAt(state, { op, windowMs }, newest) as number;
    };
    const slot = windowMs / SLOTS_PER_WINDOW;
    const first = newest - windowMs;
    const between = (value: number, low: number, high: number) =>
      assert.ok(value >= low && value <= high, `${value} is not in [${low}, ${high}]`);
    between(busy('count'), windowMs + 1, windowMs + 1 + slot);
    const sum = ((first + newest) * (windowMs + 1)) / 2;
    between(busy('sum'), sum, sum + slot * first);
    between(busy('min'), first - slot, first);
    assert.equal(busy('max'), newest);
    assert.equal(busy('last'), newest);
  });

  it('keeps texts within their bound: always the newest, of the others the last of wider slots', () => {
    const state = newAggregateState('d');
    const rule = { op: 'last', windowMs: 300, maxChars: 5_000 } as const;
    const valueOf = (time: number) => (time % 2 === 0 ? 'x'.repeat(999) : { is: 'y'.repeat(990) });
    for (let time = 1; time <= 500; time++) {
      fold(state, rule, time, time, valueOf(time));
      assert.ok(JSON.stringify(state.values).length < 6_000);
      assert.deepEqual(valueAt(state, rule, time), valueOf(time));
    }
    assert.ok(state.times.length > 2);
    assert.equal(new Set([state.times, state.ids, state.values].map(({ length }) => length)).size, 1);
    assert.equal(fold(state, rule, 500, 500, valueOf(500)), false, 'the newest is known again');
    assert.deepEqual(valueAt(state, rule, 400), valueOf(state.times.filter((time) => time <= 400).at(-1)!));
  });

  it('counts on when more events share one time than there are entries', () => {
    const state = newAggregateState('d');
    const rule = { op: 'count', windowMs: WINDOW } as const;
    for (let id = 0; id < 25_000; id++) fold(state, rule, id, 5000, 1);
    assert.equal(valueAt(state, rule, 5000), 25_000);
  });

  it('gives 0 for the count and sum of nothing, and no value for the others', () => {
    assert.deepEqual(
      OPS.map((op) => valueAt(undefined, { op, windowMs: WINDOW }, 0)),
      [0, 0, undefined, undefined, undefined],
    );
  });
});
