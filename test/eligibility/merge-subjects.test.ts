import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decideChunk, newSubjectRecord, subjectsOf } from '../../src/eligibility/decide-chunk.js';
import { canonicalOf, MOST_MERGED, MOST_STEPS } from '../../src/eligibility/merge-subjects.js';
import type { DecisionRow, EventRow, InputStream } from '../../src/events/event.js';
import type { SubjectRecord } from '../../src/stores/state/state-store.js';
import { event, linesOf, rulesOf } from '../support/events.js';

const rules = rulesOf();

/** Subjects in memory. */
class Memory {
  readonly records = new Map<string, SubjectRecord>();
  readonly changed: DecisionRow[] = [];

  readonly recordOf = (subject: string): SubjectRecord => {
    const record = this.records.get(subject) ?? newSubjectRecord();
    this.records.set(subject, record);
    return record;
  };

  decide(events: readonly EventRow[], stream: InputStream = 'events'): DecisionRow[] {
    const fail = (_event: EventRow, error: unknown): void => {
      throw error;
    };
    const onChanged = (_line: number, row: DecisionRow): void => void this.changed.push(row);
    return linesOf<DecisionRow>(
      decideChunk(stream, events, rules, this.recordOf, fail, { onChanged }).ndjson,
    );
  }

  merge(id: string, subject: string, merged: string, more: Partial<EventRow> = {}): void {
    this.decide([merging(id, subject, merged, more)], 'user-properties');
  }

  canonical(subject: string): string {
    return canonicalOf(subject, this.recordOf).subject;
  }

  /** Landings that the subject counts, folded ones too. */
  landings(subject: string): number {
    const values = canonicalOf(subject, this.recordOf).record.state.aggregates.landings?.values ?? [];
    return (values as number[]).reduce((sum, value) => sum + value, 0);
  }

  get json(): string {
    return JSON.stringify([...this.records]);
  }
}

function merging(id: string, subject: string, merged: string, more: Partial<EventRow> = {}): EventRow {
  return event(id, 0, { subject, extensions: { mergesubject: merged }, ...more });
}

const act = fc.record({
  subject: fc.constantFrom('anonymous', 'user'),
  stream: fc.constantFrom<InputStream>('events', 'events', 'user-properties'),
  minute: fc.integer({ min: 0, max: 59 }),
  seats: fc.constantFrom(100, 200, null),
});
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

/** Each of a second of its own: of two at one time the order of arrival would count. */
function rowOf({ subject, minute, seats }: Act, n: number): EventRow {
  const time = new Date(Date.UTC(2024, 2, 10, 12, minute, 0, n)).toISOString();
  return event(`e${n}`, 0, { subject, time, data: { seats } });
}

describe('a subject that is merged into another', () => {
  let memory: Memory;

  beforeEach(() => {
    memory = new Memory();
  });

  it('leaves what all its events, before and after, would have made of the other', () => {
    const acts = fc.array(act, { maxLength: 30 });
    fc.assert(
      fc.property(acts, acts, (before, after) => {
        const [two, one] = [new Memory(), new Memory()];
        for (const [n, each] of before.entries()) {
          two.decide([rowOf(each, n)], each.stream);
          one.decide([rowOf({ ...each, subject: 'user' }, n)], each.stream);
        }
        two.merge('m', 'user', 'anonymous');
        one.decide([event('m', 0, { subject: 'user' })], 'user-properties');
        const decisions = after.map((each, at) => {
          const n = before.length + at;
          const alone = one.decide([rowOf({ ...each, subject: 'user' }, n)], each.stream);
          assert.deepEqual(two.decide([rowOf(each, n)], each.stream), alone);
          return alone.length;
        });
        const [merged, alone] = [two.recordOf('user'), one.recordOf('user')];
        assert.deepEqual(merged.profile, alone.profile);
        assert.deepEqual(merged.state, alone.state);
        if (decisions.some((count) => count > 0)) assert.ok(Object.keys(merged.decisions).length > 0);
        assert.deepEqual(two.recordOf('anonymous'), { ...newSubjectRecord(), mergedInto: 'user' });
      }),
    );
  });

  it('is merged once: the same merge again changes nothing, nor does one into somebody else', () => {
    memory.decide([event('e1', 1, { subject: 'anonymous' }), event('e2', 2, { subject: 'user' })]);
    memory.merge('m1', 'user', 'anonymous');
    const once = memory.json;
    memory.merge('m1', 'user', 'anonymous');
    memory.merge('m2', 'user', 'anonymous');
    assert.equal(memory.json, once);
    memory.merge('m3', 'somebody else', 'anonymous');
    assert.deepEqual([memory.canonical('anonymous'), memory.landings('user')], ['user', 2]);
    assert.equal(memory.landings('somebody else'), 0);
  });

  it('is merged before its first event, which then counts for the other', () => {
    memory.merge('m', 'user', 'anonymous');
    memory.decide([event('e', 1, { subject: 'anonymous' })]);
    assert.equal(memory.landings('user'), 1);
  });

  it('in whatever order and circle, ends with each event counted once, by one subject', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.record({ subject: names, merged: fc.option(names) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const life = new Memory();
        let events = 0;
        for (const [n, { subject, merged }] of steps.entries())
          if (merged === null) life.decide([event(`e${events++}`, n, { subject })]);
          else life.merge(`m${n}`, subject, merged);
        const canonical = new Set(['a', 'b', 'c', 'd', 'e'].map((name) => life.canonical(name)));
        for (const name of canonical) assert.equal(life.records.get(name)?.mergedInto, undefined);
        const counted = [...canonical].reduce((sum, name) => sum + life.landings(name), 0);
        assert.equal(counted, events);
        const merges = [...canonical].reduce(
          (sum, name) => sum + (life.records.get(name)?.merged?.subjects ?? 0),
          0,
        );
        assert.equal(merges, [...life.records.values()].filter(({ mergedInto }) => mergedInto).length);
      }),
    );
  });

  it('gives its properties where they are of a later time, and the own at the same', () => {
    const at = (id: string, minute: number, subject: string, data: object) =>
      event(id, minute, { subject, data });
    memory.decide(
      [
        at('p1', 1, 'anonymous', { early: 'its', same: 'its', late: 'its', alone: 'its', unset: null }),
        at('p2', 0, 'user', { late: 'own', unset: 'own' }),
        at('p3', 1, 'user', { same: 'own' }),
        at('p4', 2, 'user', { early: 'own' }),
      ],
      'user-properties',
    );
    memory.merge('m', 'user', 'anonymous', { data: { from: 'the merge' } });
    assert.deepEqual(memory.recordOf('user').profile?.values, {
      late: 'its',
      same: 'own',
      early: 'own',
      from: 'the merge',
      alone: 'its',
    });
  });

  it('decides nothing, and leaves the decisions to the next event, which is on the other', () => {
    const on = (id: string, minute: number, subject: string) => event(id, minute, { subject });
    memory.decide([on('e1', 1, 'anonymous'), on('e2', 2, 'anonymous'), on('e3', 3, 'anonymous')]);
    assert.deepEqual(
      [memory.changed.length, memory.recordOf('anonymous').decisions.third?.outcome],
      [1, 'eligible'],
    );
    memory.merge('m', 'user', 'anonymous');
    assert.deepEqual(memory.recordOf('user').decisions, {});
    const rows = memory.decide([on('e4', 4, 'anonymous')]);
    assert.deepEqual(
      rows.map(({ subject, rule, reason }) => [subject, rule, reason]),
      [
        ['user', 'third', 'aggregates.landings = 4'],
        ['user', 'big', 'profile.seats is missing'],
      ],
    );
    assert.deepEqual(
      memory.changed.map(({ subject, event_id }) => [subject, event_id]),
      [
        ['anonymous', 'e3'],
        ['user', 'e4'],
      ],
    );
  });

  it(`is one of ${MOST_MERGED} at most; the properties that come with one more are taken`, () => {
    for (let n = 0; n < MOST_MERGED; n++) memory.merge(`m${n}`, 'user', `anonymous ${n}`);
    memory.decide([event('e', 1, { subject: 'one more' })]);
    memory.merge('m', 'user', 'one more', { data: { taken: true } });
    assert.equal(memory.canonical('one more'), 'one more');
    assert.deepEqual([memory.landings('user'), memory.landings('one more')], [0, 1]);
    assert.deepEqual(memory.recordOf('user').profile?.values, { taken: true });
    assert.equal(memory.recordOf('user').merged?.subjects, MOST_MERGED);
  });

  it(`is ${MOST_STEPS} steps away from the other at most`, () => {
    for (let n = 0; n <= MOST_STEPS; n++) memory.merge(`m${n}`, `name ${n + 1}`, `name ${n}`);
    assert.equal(memory.canonical('name 0'), `name ${MOST_STEPS}`);
    assert.equal(memory.canonical(`name ${MOST_STEPS + 1}`), `name ${MOST_STEPS + 1}`);
    memory.merge('again', 'name 0', 'another');
    assert.equal(memory.canonical('another'), `name ${MOST_STEPS}`);
  });

  it('is asked for, where a request merges it', () => {
    const rows = [merging('m', 'user', 'anonymous'), event('p', 1, { subject: 'other' })];
    assert.deepEqual([...subjectsOf('user-properties', rows, rules)], ['user', 'anonymous', 'other']);
    assert.deepEqual([...subjectsOf('events', rows, rules)], ['user', 'other']);
  });

  it('is not merged by what an earlier version has taken under that name', () => {
    for (const mergesubject of [7, true, '', 'x'.repeat(513), 'user'])
      memory.decide([event('p', 0, { subject: 'user', extensions: { mergesubject } })], 'user-properties');
    assert.deepEqual([...memory.records.keys()], ['user']);
  });
});
