import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CompiledRules } from '../../src/rules/compiled.js';
import { countFailure } from '../../src/rules/failed-folds.js';
import { fold, MAX_ENTRIES, SLOTS_PER_WINDOW, newAggregateState, valueAt } from '../../src/rules/fold.js';
import { mergeAggregates } from '../../src/rules/merge-aggregates.js';
import type { AggregateOp } from '../../src/rules/rule-config.js';
import { newSubjectState, type AggregateState, type SubjectState } from '../../src/rules/subject-state.js';

const OPS: readonly AggregateOp[] = ['count', 'sum', 'min', 'max', 'last'];
const WINDOW = 1_000;
const BEGIN = 1_000_000;
/** Slots of two windows, and the newest as they are. */
const MOST_KEPT = 2 * SLOTS_PER_WINDOW + 1 + MAX_ENTRIES / 2;

interface Folded {
  readonly at: number;
  readonly value: number;
  /** Whose aggregate has seen it. */
  readonly by: 'own' | 'other' | 'both';
}

const folded = fc.record({
  at: fc.integer({ min: 0, max: 2 * WINDOW }),
  value: fc.integer({ min: -50, max: 50 }),
  by: fc.constantFrom<Folded['by']>('own', 'other', 'both'),
});

function rulesWith(op: AggregateOp, maxChars?: number): CompiledRules {
  const aggregate = { name: 'a', definition: 'd', on: ['t'], op, windowMs: WINDOW, maxChars };
  return { aggregates: new Map([['a', aggregate]]), rules: [], byType: new Map() };
}

function subjectWith(state: AggregateState): SubjectState {
  return { aggregates: { a: state } };
}

/** What the events that `whose` has seen make of an aggregate. */
function stateOf(op: AggregateOp, events: readonly Folded[], whose: 'own' | 'other' | 'all'): AggregateState {
  const state = newAggregateState('d');
  for (const [id, { at, value, by }] of events.entries())
    if (whose === 'all' || by === whose || by === 'both')
      fold(state, { op, windowMs: WINDOW }, id, BEGIN + at, op === 'count' ? 1 : value);
  return state;
}

function merge(op: AggregateOp, events: readonly Folded[]): AggregateState {
  const own = subjectWith(stateOf(op, events, 'own'));
  mergeAggregates(rulesWith(op), own, subjectWith(stateOf(op, events, 'other')));
  return own.aggregates.a!;
}

/** Of one time each, since of two the order says which is the last. */
const distinct = (most: number) => fc.uniqueArray(folded, { maxLength: most, selector: ({ at }) => at });

describe('the aggregates of two subjects that are merged', () => {
  for (const op of OPS)
    it(`${op}: are what all the events make of one subject, each counted once`, () => {
      fc.assert(
        fc.property(distinct(MAX_ENTRIES - 1), fc.integer({ min: 0, max: 3 * WINDOW }), (events, at) => {
          const rule = { op, windowMs: WINDOW };
          const alone = stateOf(op, events, 'all');
          const merged = merge(op, events);
          assert.deepEqual({ ...merged }, { ...alone });
          assert.equal(valueAt(merged, rule, BEGIN + at), valueAt(alone, rule, BEGIN + at));
        }),
      );
    });

  it('hold every event of the window, however many there are, and no more entries than one subject has', () => {
    const alone = fc.record({
      at: fc.integer({ min: 0, max: WINDOW }),
      value: fc.constant(1),
      by: fc.constantFrom<Folded['by']>('own', 'other'),
    });
    fc.assert(
      fc.property(fc.array(alone, { minLength: 100, maxLength: 1_500 }), (events) => {
        const merged = merge('count', events);
        assert.ok(merged.times.length <= MOST_KEPT, `${merged.times.length}`);
        assert.deepEqual(
          merged.times,
          merged.times.toSorted((left, right) => left - right),
        );
        assert.equal(valueAt(merged, { op: 'count', windowMs: WINDOW }, BEGIN + WINDOW), events.length);
      }),
      { numRuns: 30 },
    );
  });

  it('go on as those of one subject do', () => {
    fc.assert(
      fc.property(distinct(30), distinct(30), (before, after) => {
        const merged = merge('sum', before);
        const alone = stateOf('sum', before, 'all');
        for (const [id, { at, value }] of after.entries())
          for (const state of [merged, alone])
            fold(state, { op: 'sum', windowMs: WINDOW }, -1 - id, BEGIN + WINDOW + at, value);
        assert.deepEqual(merged, alone);
      }),
    );
  });

  it('of two last values at one time have the own', () => {
    const merged = merge('last', [
      { at: 5, value: 1, by: 'own' },
      { at: 5, value: 2, by: 'other' },
    ]);
    assert.equal(valueAt(merged, { op: 'last', windowMs: WINDOW }, BEGIN + 5), 1);
  });

  it('forget what is two windows behind the newest of both, whosever that is', () => {
    const far = { at: 2 * WINDOW + 1, value: 1 };
    const near = { at: 0, value: 1 };
    for (const [newest, oldest] of [
      ['own', 'other'],
      ['other', 'own'],
    ] as const)
      assert.deepEqual(
        merge('count', [
          { ...near, by: oldest },
          { ...far, by: newest },
        ]).times,
        [BEGIN + far.at],
      );
  });

  it('take no more characters than the values of one subject may', () => {
    const [own, other] = [newAggregateState('d'), newAggregateState('d')];
    const rule = { op: 'last', windowMs: WINDOW, maxChars: 1_000 } as const;
    for (let n = 0; n < 9; n++) {
      fold(own, rule, n, BEGIN + n, `${n}`.repeat(100));
      fold(other, rule, 100 + n, BEGIN + 10 + n, `${n}`.repeat(100));
    }
    const subject = subjectWith(own);
    mergeAggregates(rulesWith('last', rule.maxChars), subject, subjectWith(other));
    const { values } = subject.aggregates.a!;
    assert.ok((values as string[]).join('').length <= 1_000);
    assert.equal(values.at(-1), '8'.repeat(100));
  });

  it('are used under the definition in force alone', () => {
    const [own, other] = [newSubjectState(), subjectWith(newAggregateState('earlier'))];
    fold(other.aggregates.a!, { op: 'count', windowMs: WINDOW }, 1, BEGIN, 1);
    mergeAggregates(rulesWith('count'), own, other);
    assert.deepEqual(own.aggregates, {});
    const stale = subjectWith(newAggregateState('earlier'));
    mergeAggregates(
      rulesWith('count'),
      stale,
      subjectWith(stateOf('count', [{ at: 1, value: 1, by: 'both' }], 'all')),
    );
    assert.deepEqual(stale.aggregates.a?.times, [BEGIN + 1]);
  });

  it('count an event that neither could fold once', () => {
    const [own, other] = [newAggregateState('d'), newAggregateState('d')];
    countFailure(own, 1, 'MISSING', BEGIN);
    countFailure(own, 2, 'MISSING', BEGIN + 1);
    countFailure(other, 2, 'MISSING', BEGIN + 1);
    countFailure(other, 3, 'INVALID_VALUE', BEGIN + 2);
    const subject = subjectWith(own);
    mergeAggregates(rulesWith('count'), subject, subjectWith(other));
    assert.deepEqual(subject.aggregates.a?.failures, {
      count: 3,
      code: 'INVALID_VALUE',
      time: BEGIN + 2,
      ids: [3, 1, 2],
    });
    const none = newSubjectState();
    mergeAggregates(rulesWith('count'), none, subject);
    assert.equal(none.aggregates.a?.failures?.count, 3);
  });
});
