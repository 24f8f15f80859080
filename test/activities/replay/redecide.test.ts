import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import {
  createReplayActivities,
  type ReplayActivitiesOptions,
} from '../../../src/activities/replay/replay.js';
import type { MakeCurrent } from '../../../src/activities/replay/redecide.js';
import { replayedBatchId } from '../../../src/activities/replay/recorded-decisions.js';
import { SubjectBudget } from '../../../src/activities/replay/subjects-in-memory.js';
import { decideChunk, newSubjectRecord } from '../../../src/eligibility/decide-chunk.js';
import type { BatchRef, DecisionRow, EventRow, InputStream } from '../../../src/events/event.js';
import { Turns } from '../../../src/platform/event-loop-turns.js';
import { isBatchId } from '../../../src/tenants/ids.js';
import { createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import type { BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import type { SubjectRecord } from '../../../src/stores/state/state-store.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { compileTenant, type LoadedTenant } from '../../../src/tenants/config/tenant-file.js';
import type { RedecideInput, ReplayReport, RuleDifference } from '../../../src/workflows/messages/replays.js';
import { event, linesOf } from '../../support/events.js';
import { useTempDir } from '../../support/temp-dir.js';
import { turnsOf } from '../../support/turns-of.js';

const NODE = '0123abcd';

/** `third`: three landings in a day. `big`: by the profile. */
const tenantOf = (landings = 3, more: object = {}): LoadedTenant => {
  const text = JSON.stringify({
    tenant: 'UA',
    aggregates: { landings: { on: ['landed'], op: 'count', window: '24h' } },
    rules: [
      { name: 'third', on: ['landed'], when: `aggregates.landings >= ${landings}` },
      { name: 'big', on: ['landed', 'parked'], when: 'profile.seats >= 180' },
    ],
    ...more,
  });
  return compileTenant(parseTenantConfig(text, 'UA.yaml'), text);
};

/** When something came: minutes past noon. */
const at = (minute: number, millis = 0) =>
  new Date(Date.UTC(2024, 2, 10, 12, minute, 0, millis)).toISOString();
const came = (row: EventRow, minute: number, millis = 0): EventRow => ({
  ...row,
  received_at: at(minute, millis),
});
const seats = (id: string, minute: number, count: number): EventRow =>
  came(event(id, minute, { type: 'registered', data: { seats: count } }), minute);

describe('deciding again', () => {
  const dir = useTempDir();
  let store: BatchStore;
  let live: Map<string, SubjectRecord>;
  let sequence: number;
  let announced: string[];

  beforeEach(() => {
    store = createFileBatchStore(dir());
    live = new Map();
    sequence = 0;
    announced = [];
  });

  async function write(stream: InputStream, rows: readonly EventRow[], node = NODE): Promise<BatchRef> {
    const batchId = `20240310-${node}-${(++sequence).toString(36).padStart(9, '0')}`;
    const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    return store.write({ tenant: 'UA', stream, batchId }, gzipSync(ndjson), rows.length);
  }

  /** Decides as ingest does, request by request, and keeps the decisions under the batch's id. */
  function decided(requests: readonly [InputStream, readonly EventRow[]][]): string {
    const recordOf = (subject: string): SubjectRecord => {
      const record = live.get(subject) ?? newSubjectRecord();
      live.set(subject, record);
      return record;
    };
    const fault = (_event: EventRow, error: unknown): never => {
      throw error;
    };
    const all = requests.map(([stream, rows]) =>
      decideChunk(stream, rows, tenantOf().rules, recordOf, fault),
    );
    return all.map(({ ndjson }) => ndjson).join('');
  }

  async function keepDecisions({ batchId }: BatchRef, ndjson: string): Promise<void> {
    const rows = linesOf<DecisionRow>(ndjson).length;
    await store.write({ tenant: 'UA', stream: 'decisions', batchId }, gzipSync(ndjson), rows);
  }

  const activities = (chosen: LoadedTenant, more: Partial<ReplayActivitiesOptions> = {}) =>
    createReplayActivities({
      store,
      current: () => tenantOf(),
      versionOf: () => Promise.resolve(chosen),
      startDeliveries: () => Promise.reject(new Error('nothing is delivered here')),
      announce: (batches) => Promise.resolve(void announced.push(...batches.map(({ batchId }) => batchId))),
      ...more,
    });

  function input(more: Partial<RedecideInput> = {}): RedecideInput {
    return {
      tenant: 'UA',
      replayId: 'r',
      version: '0123456789ab',
      dryRun: true,
      task: { kind: 'decide' },
      range: { from: 0, to: Date.UTC(2024, 2, 11), by: 'receipt', stream: 'events' },
      eventsPerSecond: 1_000_000,
      activityQueue: 'tenant.UA',
      requestedAt: Date.UTC(2024, 2, 12),
      ...more,
    };
  }

  const ruleOf = ({ rules = [] }: Pick<ReplayReport, 'rules'>, name: string): RuleDifference =>
    rules.find(({ rule }) => rule === name)!;
  const changes = ({
    evaluated,
    newlyEligible,
    noLongerEligible,
    notRecordedBefore,
    notMadeNow,
  }: RuleDifference) => ({
    evaluated,
    newlyEligible,
    noLongerEligible,
    notRecordedBefore,
    notMadeNow,
  });
  const NONE = { newlyEligible: 0, noLongerEligible: 0, notRecordedBefore: 0, notMadeNow: 0 };

  /** Two partitions whose batches hold requests that came in turns, as when both streams are busy. */
  async function interleaved(): Promise<void> {
    const parked = (id: string, minute: number) => came(event(id, minute, { type: 'parked' }), minute);
    const requests: [InputStream, EventRow[]][] = [
      ['events', [parked('e1', 1)]],
      ['user-properties', [seats('p1', 2, 200)]],
      ['events', [parked('e2', 3)]],
      ['user-properties', [seats('p2', 4, 100)]],
      ['events', [parked('e3', 5)]],
    ];
    const ofStream = (stream: InputStream) => requests.flatMap(([of, rows]) => (of === stream ? rows : []));
    const ndjson = decided(requests);
    await keepDecisions(await write('events', ofStream('events')), ndjson);
    await write('user-properties', ofStream('user-properties'));
  }

  it('merges subjects as it was done, and gives the decisions to whom they are merged into', async () => {
    const landed = (id: string, minute: number, subject: string) =>
      came(event(id, minute, { subject }), minute);
    const mergesubject = 'anonymous';
    const merging = came(event('m', 3, { subject: 'user', data: {}, extensions: { mergesubject } }), 3);
    const before = [landed('e1', 1, 'anonymous'), landed('e2', 2, 'anonymous')];
    const after = [landed('e4', 4, 'anonymous')];
    const ndjson = decided([
      ['events', before],
      ['user-properties', [merging]],
      ['events', after],
    ]);
    await keepDecisions(await write('events', [...before, ...after]), ndjson);
    await write('user-properties', [merging]);
    const same = await activities(tenantOf()).redecide(input());
    assert.deepEqual(changes(ruleOf(same, 'third')), { evaluated: 3, ...NONE });
    const made: [string, string | undefined][] = [];
    const makeCurrent: MakeCurrent = (_tenant, decisions) => {
      for (const [subject, rules] of decisions) made.push([subject, rules.get('third')?.reason]);
      return Promise.resolve({ madeCurrent: 0, alreadyCurrent: 0, older: 0, ruleChanged: 0 });
    };
    const task = { kind: 'decide', applyCurrent: true } as const;
    await activities(tenantOf(2), { makeCurrent }).redecide(input({ dryRun: false, task }));
    assert.deepEqual(made, [
      ['anonymous', 'aggregates.landings = 2'],
      ['user', 'aggregates.landings = 3'],
    ]);
  });

  it('applies both streams in the order they came in, though each has batches of its own', async () => {
    await interleaved();
    const report = await activities(tenantOf()).redecide(input());
    assert.deepEqual(changes(ruleOf(report, 'big')), { evaluated: 3, ...NONE });
    assert.deepEqual(ruleOf(report, 'big').now, { eligible: 1, ineligible: 2 });
  });

  it('warms up with what came before the range, and compares the range alone', async () => {
    const landings = [1, 2, 3, 4].map((n) => came(event(`l${n}`, n), n));
    for (const landing of landings)
      await keepDecisions(await write('events', [landing]), decided([['events', [landing]]]));
    const range = { ...input().range, from: Date.parse(at(3)), to: Date.parse(at(4)) };
    const same = await activities(tenantOf()).redecide(input({ range }));
    assert.deepEqual([same.events, same.warmUpEvents], [1, 2]);
    assert.deepEqual(ruleOf(same, 'third').now, { eligible: 1, ineligible: 0 });
    assert.deepEqual(changes(ruleOf(same, 'third')), { evaluated: 1, ...NONE });
    const stricter = ruleOf(await activities(tenantOf(4)).redecide(input({ range })), 'third');
    assert.deepEqual(changes(stricter), { evaluated: 1, ...NONE, noLongerEligible: 1 });
    const [sample] = stricter.samples.noLongerEligible;
    assert.deepEqual(
      [sample?.eventId, sample?.recorded.outcome, sample?.now.outcome],
      ['l3', 'eligible', 'ineligible'],
    );
    assert.match(sample?.now.reason ?? '', /landings/);
    const looser = await activities(tenantOf(2)).redecide(input());
    assert.deepEqual(changes(ruleOf(looser, 'third')), { evaluated: 4, ...NONE, newlyEligible: 1 });
  });

  it('decides and compares in the turns that tenants share, event by event where their share is used up', async () => {
    const landings = Array.from({ length: 50 }, (_, n) => came(event(`l${n}`, 1), 1));
    await keepDecisions(await write('events', landings), decided([['events', landings]]));
    const turns = new Turns({ shareMs: 0 });
    const { turns: taken, result } = await turnsOf(activities(tenantOf(), { turns }).redecide(input()));
    assert.deepEqual(changes(ruleOf(result, 'third')), { evaluated: 50, ...NONE });
    assert.ok(taken >= 2 * landings.length, `${taken} turns`);
  });

  it('tells rules that are new, and rules that are no more', async () => {
    const landing = came(event('l', 1), 1);
    await keepDecisions(await write('events', [landing]), decided([['events', [landing]]]));
    const other = tenantOf(3, { rules: [{ name: 'every', on: ['landed'], when: 'true' }] });
    const report = await activities(other).redecide(input());
    assert.deepEqual(changes(ruleOf(report, 'every')), { evaluated: 1, ...NONE, notRecordedBefore: 1 });
    assert.deepEqual(changes(ruleOf(report, 'big')), { evaluated: 0, ...NONE, notMadeNow: 1 });
    assert.equal(ruleOf(report, 'big').ruleVersion, undefined);
  });

  it('records what is decided by another version, under ids that follow from batch, rules and lines', async () => {
    const landings = [1, 2, 3].map((n) => came(event(`l${n}`, n), n));
    const batch = await write('events', landings);
    await keepDecisions(batch, decided([['events', landings]]));
    const chosen = activities(tenantOf(2));
    const first = await chosen.redecide(input({ dryRun: false }));
    assert.deepEqual([first.decisions, announced.length], [3, 1]);
    assert.ok(isBatchId(announced[0]) && announced[0] !== batch.batchId);
    const { ndjson } = await store.open({ tenant: 'UA', stream: 'decisions', batchId: announced[0]! });
    const rows = linesOf<DecisionRow>(ndjson).map(
      ({ event_id: id, rule, outcome }) => `${id} ${rule} ${outcome}`,
    );
    assert.deepEqual(rows, ['l1 third ineligible', 'l2 third eligible', 'l3 third eligible']);
    const second = await chosen.redecide(input({ dryRun: false }));
    assert.deepEqual(
      [second.decisions, announced[1]],
      [0, announced[0]],
      'it is announced again, for a first run that died',
    );
    const range = { ...input().range, from: Date.parse(at(2)) };
    const part = await chosen.redecide(input({ dryRun: false, range }));
    assert.deepEqual(
      [part.decisions, announced[2] === announced[0]],
      [2, false],
      'other lines, another file',
    );
    const same = await activities(tenantOf(3)).redecide(input({ dryRun: false }));
    assert.deepEqual([same.decisions, announced.length], [0, 3], 'what is recorded already is not written');
  });

  it('names derived batches by day and sequence of their own, apart per node, rules and lines', () => {
    const id = '20240310-0123abcd-00000000z';
    const names = [
      replayedBatchId(id, 'a'),
      replayedBatchId(id, 'b'),
      replayedBatchId(id, 'a', 'Aw=='),
      replayedBatchId('20240310-ffffabcd-00000000z', 'a'),
    ];
    assert.equal(new Set([id, ...names]).size, 5);
    for (const name of names) {
      assert.ok(isBatchId(name));
      assert.match(name, /^20240310-.{8}-00000000z$/);
    }
    assert.equal(replayedBatchId(id, 'a'), names[0]);
  });

  it('looks at the types asked for, and at nothing that came after it was asked for', async () => {
    const rows = [
      came(event('a', 1), 1),
      came(event('b', 2, { type: 'parked' }), 2),
      came(event('c', 3), 3, 1),
    ];
    await write('events', rows);
    const types = ['park*'];
    const some = await activities(tenantOf()).redecide(input({ range: { ...input().range, types } }));
    assert.deepEqual([some.events, some.matched], [1, 1]);
    const early = await activities(tenantOf()).redecide(input({ requestedAt: Date.parse(at(3)) }));
    assert.equal(early.events, 2);
    // It may have been acknowledged in that very millisecond.
    const next = await activities(tenantOf()).redecide(input({ requestedAt: Date.parse(at(3, 1)) }));
    assert.equal(next.events, 3);
  });

  it('goes on past files that are gone or broken, and says so', async () => {
    const [first, second] = [await write('events', [came(event('a', 1), 1)]), await write('events', [came(event('b', 2), 2)])]; // prettier-ignore
    const { open } = store;
    store.open = (name) => (name.batchId === first.batchId ? open({ ...name, batchId: second.batchId.replace(/.$/, 'z') }) : open(name)); // prettier-ignore
    const report = await activities(tenantOf()).redecide(input());
    assert.deepEqual([report.events, report.skipped], [1, 1]);
    assert.match(report.notes.join(), /1 batch files could not be read/);
  });

  it('says when retention has deleted what the warm-up needs', async () => {
    await write('events', [came(event('a', 1), 1)]);
    const range = { ...input().range, from: Date.parse(at(0)) };
    assert.deepEqual((await activities(tenantOf()).redecide(input({ range }))).notes, []);
    await store.noteDeleted('UA', '2024-03-08');
    const [profiles, ...rest] = (await activities(tenantOf()).redecide(input({ range }))).notes;
    assert.match(profiles ?? '', /^Profiles are built from user properties received since 2024-03-09/);
    assert.deepEqual(rest, []);
    await store.noteDeleted('UA', '2024-03-09');
    const [warmUp] = (await activities(tenantOf()).redecide(input({ range }))).notes;
    assert.match(warmUp ?? '', /^The warm-up is incomplete: aggregates look back to 2024-03-09T12/);
  });

  it('holds no more subjects than it may: one that is too large fails for good, others wait for theirs', async () => {
    const rows = ['N1', 'N2', 'N3'].map((subject, n) => came(event(subject, n, { subject }), n));
    await write('events', rows);
    const few = activities(tenantOf(), { budget: new SubjectBudget({ each: 2, all: 10 }) });
    await assert.rejects(few.redecide(input()), { code: 'REPLAY_TOO_LARGE', retryable: false });
    const shared = activities(tenantOf(), { budget: new SubjectBudget({ each: 10, all: 2 }) });
    await assert.rejects(shared.redecide(input()), { code: 'OVERLOADED', retryable: true });
    const enough = activities(tenantOf(), { budget: new SubjectBudget({ each: 3, all: 3 }) });
    await enough.redecide(input());
    await enough.redecide(input());
  });

  describe('that makes decisions current', () => {
    const applying: Partial<RedecideInput> = { task: { kind: 'decide', applyCurrent: true } };
    const APPLIED = { madeCurrent: 1, alreadyCurrent: 0, older: 0, ruleChanged: 0 };

    /** What was handed on: `<subject> <rule> <event> <outcome>`. */
    function handedOn(): { readonly makeCurrent: MakeCurrent; readonly lines: string[][]; dry: boolean[] } {
      const [lines, dry]: [string[][], boolean[]] = [[], []];
      const makeCurrent: MakeCurrent = (tenant, decisions, { dryRun }) => {
        assert.equal(tenant, 'UA');
        dry.push(dryRun);
        lines.push(
          [...decisions].flatMap(([subject, ofRules]) =>
            [...ofRules].map(([rule, { eventId, outcome }]) => `${subject} ${rule} ${eventId} ${outcome}`),
          ),
        );
        return Promise.resolve(APPLIED);
      };
      return { makeCurrent, lines, dry };
    }

    it('hands on the decision on the latest event of each subject and rule, once what is new is announced', async () => {
      const rows = [1, 3, 2].map((minute, n) => came(event(`l${minute}`, minute), 10 + n));
      const nobody = came(event('nobody', 4, { subject: undefined }), 14);
      const other = came(event('o', 1, { subject: 'N2' }), 15);
      await write('events', [...rows, nobody, other]);
      const { makeCurrent, lines, dry } = handedOn();
      const told: MakeCurrent = (...decisions) => {
        assert.equal(announced.length, 1);
        return makeCurrent(...decisions);
      };
      const report = await activities(tenantOf(2), { makeCurrent: told }).redecide(
        input({ ...applying, dryRun: false }),
      );
      assert.deepEqual(report.applied, APPLIED);
      const expected = ['N1 big l3', 'N1 third l3', 'N2 big o', 'N2 third o'];
      assert.deepEqual(
        lines.map((each) => each.map((line) => line.replace(/ \w+$/, '')).sort()),
        [expected],
      );
      assert.deepEqual(dry, [false]);
    });

    it('hands on what was recorded where that was by the same version, and the range alone', async () => {
      const landings = [1, 2, 3].map((n) => came(event(`l${n}`, n), n));
      for (const landing of landings) {
        const ndjson = decided([['events', [landing]]]).replaceAll('"ineligible"', '"eligible"');
        await keepDecisions(await write('events', [landing]), ndjson);
      }
      const { makeCurrent, lines, dry } = handedOn();
      const range = { ...input().range, to: Date.parse(at(2, 1)) };
      await activities(tenantOf(), { makeCurrent }).redecide(input({ ...applying, range }));
      assert.deepEqual(lines[0]?.sort(), ['N1 big l2 eligible', 'N1 third l2 eligible']);
      assert.deepEqual(dry, [true], 'a dry run says so');
    });

    it('hands on the same when it is tried again, and gives all memory back', async () => {
      await write('events', [came(event('l1', 1), 1)]);
      const { makeCurrent, lines } = handedOn();
      let attempts = 0;
      const broken: MakeCurrent = async (...decisions) => {
        await makeCurrent(...decisions);
        if (++attempts === 1) throw new Error('the answer is lost');
        return APPLIED;
      };
      const budget = new SubjectBudget({ each: 2, all: 2 });
      const { redecide } = activities(tenantOf(2), { makeCurrent: broken, budget });
      await assert.rejects(redecide(input(applying)), { message: 'the answer is lost' });
      await redecide(input(applying));
      assert.deepEqual(lines[0], lines[1]);
    });

    it('holds no more decisions than it may', async () => {
      await write(
        'events',
        ['N1', 'N2', 'N3'].map((subject, n) => came(event(subject, n, { subject }), n)),
      );
      const { makeCurrent } = handedOn();
      const budget = new SubjectBudget({ each: 3, all: 4 });
      const { redecide } = activities(tenantOf(), { makeCurrent, budget });
      await assert.rejects(redecide(input(applying)), { code: 'OVERLOADED' });
    });

    it('is refused where the state is not', async () => {
      const refused = { code: 'STATE_ELSEWHERE', retryable: false, message: /Ask the API/ };
      await assert.rejects(activities(tenantOf()).redecide(input(applying)), refused);
    });

    it('is no part of other replays', async () => {
      await write('events', [came(event('l1', 1), 1)]);
      const { makeCurrent, lines } = handedOn();
      const report = await activities(tenantOf(), { makeCurrent }).redecide(input());
      assert.deepEqual([report.applied, lines], [undefined, []]);
    });
  });
});
