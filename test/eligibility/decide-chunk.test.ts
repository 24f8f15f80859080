import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decideChunk, newSubjectRecord, type ChunkDecisions } from '../../src/eligibility/decide-chunk.js';
import type { DecisionRow, EventRow, InputStream } from '../../src/events/event.js';
import type { SubjectRecord } from '../../src/stores/state/state-store.js';
import { event, linesOf, rulesOf } from '../support/events.js';
import { fingerprintOf } from '../../src/rules/fingerprint.js';

describe('deciding on a chunk', () => {
  const rules = rulesOf();
  const versions = Object.fromEntries(rules.rules.map(({ name, version }) => [name, version]));
  let subjects: Map<string, SubjectRecord>;

  beforeEach(() => {
    subjects = new Map();
  });

  const recordOf = (subject: string): SubjectRecord => {
    const record = subjects.get(subject) ?? newSubjectRecord();
    subjects.set(subject, record);
    return record;
  };

  function decide(events: EventRow[], stream: InputStream = 'events'): ChunkDecisions {
    return decideChunk(stream, events, rules, recordOf, (_event, error) => {
      throw error;
    });
  }

  const rowsOf = ({ ndjson }: ChunkDecisions): DecisionRow[] => linesOf<DecisionRow>(ndjson);

  it('records every evaluation: subject, rule, version, outcome, reason, event, time', () => {
    decide([event('p1', 0, { data: { seats: 200 } })], 'user-properties');
    const decided = decide([event('e1', 1), event('e2', 2, { type: 'parked', subject: 'N2' })]);
    assert.deepEqual([decided.evaluated, decided.eligible], [3, { big: 1 }]);
    const source = fingerprintOf('/airports/EWR').toString(36);
    const event_source = '/airports/EWR';
    const first = { event_id: 'e1', event_source, subject: 'N1', time: '2024-03-10T12:01:00.000Z' };
    assert.deepEqual(rowsOf(decided), [
      {
        id: `e1:third:${versions.third}:${source}`,
        ...first,
        rule: 'third',
        rule_version: versions.third,
        outcome: 'ineligible',
        reason: 'aggregates.landings = 1',
      },
      {
        id: `e1:big:${versions.big}:${source}`,
        ...first,
        rule: 'big',
        rule_version: versions.big,
        outcome: 'eligible',
        reason: 'profile.seats = 200',
      },
      {
        id: `e2:big:${versions.big}:${source}`,
        event_id: 'e2',
        event_source,
        subject: 'N2',
        time: '2024-03-10T12:02:00.000Z',
        rule: 'big',
        rule_version: versions.big,
        outcome: 'ineligible',
        reason: 'profile.seats is missing',
      },
    ]);
  });

  it('keeps the latest decision of each rule with its subject', () => {
    decide([event('e1', 1), event('e2', 2), event('e3', 3)]);
    assert.deepEqual(subjects.get('N1')?.decisions.third, {
      outcome: 'eligible',
      reason: 'aggregates.landings = 3',
      ruleVersion: versions.third,
      eventId: 'e3',
      eventSource: '/airports/EWR',
      time: '2024-03-10T12:03:00.000Z',
    });
    assert.equal(subjects.get('N1')?.state.aggregates.landings?.times.length, 3);
  });

  it('carries aggregates from chunk to chunk, and applies properties before the events behind them', () => {
    decide([event('e1', 1), event('e2', 2)]);
    assert.deepEqual(decide([event('e3', 3)]).eligible, { third: 1 });
    decide([event('p1', 4, { data: { seats: 180 } })], 'user-properties');
    assert.deepEqual(decide([event('e4', 5)]).eligible, { third: 1, big: 1 });
  });

  it('merges user properties: the later event wins key by key, null unsets, none is decided on', () => {
    const properties = [
      event('p1', 5, { data: { seats: 200, model: 'A320', engines: 2 } }),
      event('p2', 1, { data: { seats: 100, year: 1999 } }),
      event('p3', 6, { data: { model: null } }),
      event('p4', 7, { subject: undefined, data: { seats: 1 } }),
    ];
    assert.deepEqual(decide(properties, 'user-properties'), {
      decided: properties.length,
      evaluated: 0,
      eligible: {},
      ineligible: {},
      ndjson: '',
    });
    assert.deepEqual(subjects.get('N1')?.profile?.values, { seats: 200, engines: 2, year: 1999 });
    assert.deepEqual([...subjects.keys()], ['N1']);
    decide([event('p5', 8, { data: { seats: 180 } })], 'user-properties');
    assert.equal(subjects.get('N1')?.profile?.values.seats, 180);
  });

  it('decides on an event without a subject alone: no profile, no history, no record', () => {
    decide([event('e1', 1), event('e2', 2)]);
    const lone = { subject: undefined };
    const rows = rowsOf(decide([event('e3', 3, lone), event('e4', 4, lone)]));
    assert.deepEqual(
      rows.map(({ event_id, subject, rule, reason }) => [event_id, subject, rule, reason]),
      ['e3', 'e4'].flatMap((id) => [
        [id, null, 'third', 'aggregates.landings = 1'],
        [id, null, 'big', 'profile.seats is missing'],
      ]),
    );
    assert.deepEqual([...subjects.keys()], ['N1']);
  });

  it('touches no subject for an event that no rule asks for: the state does not grow by it', () => {
    const decided = decide([event('e1', 1, { type: 'taxied' })]);
    assert.deepEqual(decided, { decided: 1, evaluated: 0, eligible: {}, ineligible: {}, ndjson: '' });
    assert.equal(subjects.size, 0);
  });

  it('goes on behind an event that cannot be applied, and says which', () => {
    const faults: [string, string][] = [];
    const broken = (subject: string): SubjectRecord => {
      if (subject === 'N2') throw new Error('a fault of ours');
      return recordOf(subject);
    };
    const events = [event('e1', 1), event('e2', 2, { subject: 'N2' }), event('e3', 3)];
    const decided = decideChunk('events', events, rules, broken, ({ id }, error) =>
      faults.push([id, String(error)]),
    );
    assert.deepEqual(faults, [['e2', 'Error: a fault of ours']]);
    assert.equal(decided.evaluated, 4);
    assert.deepEqual([...new Set(rowsOf(decided).map((row) => row.event_id))], ['e1', 'e3']);
  });

  const anyEvent = fc
    .record({
      minute: fc.nat(59),
      type: fc.constantFrom('landed', 'parked', 'taxied'),
      subject: fc.constantFrom('N1', 'N2', undefined),
    })
    .map(({ minute, ...more }) => ({ minute, more }));
  const anyEvents = fc
    .array(anyEvent, { maxLength: 30 })
    .map((events) => events.map(({ minute, more }, n) => event(`e${n}`, minute, more)));

  it('says the same in rows, in counts and in the records, whatever comes', () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        subjects = new Map();
        const decided = decide(events);
        const rows = rowsOf(decided);
        assert.equal(decided.evaluated, rows.length);
        const eligible: Record<string, number> = {};
        for (const { rule, outcome } of rows)
          if (outcome === 'eligible') eligible[rule] = (eligible[rule] ?? 0) + 1;
        assert.deepEqual(decided.eligible, eligible);
        for (const [subject, { decisions }] of subjects) {
          for (const [rule, decision] of Object.entries(decisions)) {
            const own = rows.filter((row) => row.subject === subject && row.rule === rule);
            const newest = own
              .map(({ time }) => time)
              .sort()
              .at(-1);
            const latest = own.findLast(({ time }) => time === newest);
            assert.deepEqual(
              [decision.eventId, decision.outcome, decision.reason, decision.ruleVersion, decision.time],
              [latest?.event_id, latest?.outcome, latest?.reason, latest?.rule_version, latest?.time],
            );
          }
        }
      }),
    );
  });

  it('lets no event of an earlier time become current, but under another version of its rule or a time of the future', () => {
    const current = () => subjects.get('N1')?.decisions.third?.eventId;
    subjects = new Map();
    decide([event('later', 30), event('earlier', 10)].map((each) => ({ ...each, type: 'landed' })));
    assert.equal(current(), 'later');
    const { third } = subjects.get('N1')!.decisions;
    subjects.get('N1')!.decisions.third = { ...third!, ruleVersion: 'another' };
    decide([{ ...event('corrected', 20), type: 'landed' }]);
    assert.equal(current(), 'corrected');
    subjects.get('N1')!.decisions.third = { ...third!, time: '2031-01-01T00:00:00Z' };
    decide([{ ...event('next', 40), type: 'landed' }]);
    assert.equal(current(), 'next');
  });

  it('gives the same from the same records and events, however they are cut into chunks', () => {
    fc.assert(
      fc.property(anyEvents, fc.nat(30), (events, at) => {
        subjects = new Map();
        const whole = decide(events).ndjson;
        const after = structuredClone(subjects);
        subjects = new Map();
        const cut = decide(events.slice(0, at)).ndjson + decide(events.slice(at)).ndjson;
        assert.equal(cut, whole);
        assert.deepEqual(subjects, after);
      }),
    );
  });
});
