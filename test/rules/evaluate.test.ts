import assert from 'node:assert/strict';
import type { EventRow } from '../../src/events/event.js';
import { compileRules } from '../../src/rules/compile.js';
import type { RulesConfig, AggregateConfig, AggregateOp } from '../../src/rules/rule-config.js';
import { evaluateEvent, type Evaluation } from '../../src/rules/evaluate.js';
import { failedFolds } from '../../src/rules/failed-folds.js';
import { newSubjectState } from '../../src/rules/subject-state.js';

const START = Date.parse('2026-01-01T00:00:00Z');

let nextId = 0;

function event(data?: unknown, more: Partial<EventRow> = {}): EventRow {
  return {
    specversion: '1.0',
    id: `e${nextId++}`,
    source: '/s',
    type: 'a',
    time: '2026-01-01T00:00:00Z',
    subject: 'u',
    ...(data !== undefined && { data }),
    received_at: '2026-01-01T00:00:01.000Z',
    ...more,
  };
}

const after = (ms: number) => ({ time: new Date(START + ms).toISOString() });

function rules(when: string, aggregates: RulesConfig['aggregates'] = {}): RulesConfig {
  return { aggregates, rules: [{ name: 'r', on: ['a'], when }] };
}

/** Evaluates one expression on one event. */
function evaluate(when: string, data: unknown, profile = {}, more: Partial<EventRow> = {}): Evaluation {
  return evaluateEvent(compileRules(rules(when)), newSubjectState(), profile, event(data, more))[0]!;
}

const shown = ({ outcome, reason }: Evaluation) => [outcome, reason];

describe('rules/evaluate', () => {
  const table: [when: string, data: unknown, profile: object, outcome: string, reason: string][] = [
    ['event.data.n >= 180', { n: 185 }, {}, 'eligible', 'event.data.n = 185'],
    ['event.data.n >= 180', { n: 20 }, {}, 'ineligible', 'event.data.n = 20'],
    [
      'event.data.n >= 60 && profile.seats >= 180',
      { n: 90 },
      { seats: 182 },
      'eligible',
      'event.data.n = 90 and profile.seats = 182',
    ],
    ['event.data.n >= 60 && profile.seats >= 180', { n: 90 }, {}, 'ineligible', 'profile.seats is missing'],
    ['event.data.n >= 60 && profile.seats >= 180', { n: 9 }, {}, 'ineligible', 'event.data.n = 9'],
    ['event.data.a.b > 1', { a: 1 }, {}, 'ineligible', 'event.data.a.b is missing'],
    ['event.data.a.b > 1', {}, {}, 'ineligible', 'event.data.a is missing'],
    ['event.data["first name"] == "x"', {}, {}, 'ineligible', 'event.data["first name"] is missing'],
    ['event.data.n > 1', undefined, {}, 'ineligible', 'event.data is missing'],
    ['event.data.n > 1', { n: null }, {}, 'ineligible', 'error: no such overload: null > int'],
    ['event.data.n > 1', { n: 'x' }, {}, 'ineligible', 'error: no such overload: string > int'],
    ['event.data.n', { n: 7 }, {}, 'ineligible', 'error: the expression gave 7, not true or false'],
    ['has(profile.vip)', {}, {}, 'ineligible', 'profile.vip is missing'],
    ['!has(profile.vip)', {}, {}, 'eligible', 'profile.vip is missing'],
    ['event.type == "a" || event.data.n > 1', {}, {}, 'eligible', 'event.type = "a"'],
    ['true', {}, {}, 'eligible', 'the expression uses no value'],
    ['event.data.n + 1 == 4 && event.data.n % 2 == 1', { n: 3 }, {}, 'eligible', 'event.data.n = 3'],
    ['10 - event.data.n * 2 == 4 && 6 / event.data.n == 2', { n: 3 }, {}, 'eligible', 'event.data.n = 3'],
    ['(size(event.data.l) + 0.5) * 2 == 5.0', { l: [1, 2] }, {}, 'eligible', 'event.data.l = [1,2]'],
    ['event.data.n in [1, 2, 3]', { n: 2 }, {}, 'eligible', 'event.data.n = 2'],
    ['event.data.l[1].m > 1', { l: [{}, { m: 2 }] }, {}, 'eligible', 'event.data.l[1].m = 2'],
    [
      'event.data.l.exists(x, x.m > 1)',
      { l: [{ m: 1 }, { m: 2 }] },
      {},
      'eligible',
      'event.data.l = [{"m":1},{"m":2}]',
    ],
  ];
  for (const [when, data, profile, outcome, reason] of table) {
    it(`${when} on ${JSON.stringify({ data, profile })} is ${outcome}: ${reason}`, () => {
      assert.deepEqual(shown(evaluate(when, data, profile)), [outcome, reason]);
    });
  }

  it('cuts a long value at 60 characters, and never between the halves of a character', () => {
    const long = evaluate('event.data.s != ""', { s: 'x'.repeat(1_000_000) }).reason;
    assert.equal(long, `event.data.s = "${'x'.repeat(58)}…`);
    const emoji = evaluate('event.data.s != ""', { s: `x${'😀'.repeat(100)}` }).reason;
    assert.ok(emoji.isWellFormed?.() ?? !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/.test(emoji));
    const list = evaluate('size(event.data.l) > 1', {
      l: Array.from({ length: 10_000 }, (_, i) => i),
    }).reason;
    assert.equal(list.length, 'event.data.l = '.length + 60);
  });

  it('shows extension attributes as event.<name>', () => {
    const got = evaluate(
      'event.region == "eu" && event.type == "a"',
      {},
      {},
      { extensions: { region: 'eu' } },
    );
    assert.deepEqual(shown(got), ['eligible', 'event.region = "eu" and event.type = "a"']);
    const hidden = evaluate('event.type == "a"', {}, {}, { extensions: { type: 'forged' } });
    assert.equal(hidden.outcome, 'eligible');
  });

  it('reads data, profile and events with a key named constructor', () => {
    const got = evaluate('event.data.constructor == 1 && event.data.n == 2', { constructor: 1, n: 2 });
    assert.deepEqual(shown(got), ['eligible', 'event.data.constructor = 1 and event.data.n = 2']);
    assert.equal(evaluate('profile.n == 1', {}, { constructor: null, n: 1 }).outcome, 'eligible');
    const extended = evaluate('event.data.n == 1', { n: 1 }, {}, { extensions: { constructor: 'x' } });
    assert.equal(extended.outcome, 'eligible');
  });

  it('does not see what data inherits', () => {
    assert.deepEqual(shown(evaluate('event.data.toString == 1', {})), [
      'ineligible',
      'event.data.toString is missing',
    ]);
  });

  it('evaluates only the rules on the type, in their order, and leaves other events alone', () => {
    const compiled = compileRules({
      aggregates: {},
      rules: [
        { name: 'one', on: ['a', 'b'], when: 'true' },
        { name: 'two', on: ['b'], when: 'false' },
      ],
    });
    const on = (type: string) => evaluateEvent(compiled, newSubjectState(), {}, event({}, { type }));
    assert.deepEqual(
      on('b').map(({ rule, outcome }) => [rule, outcome]),
      [
        ['one', 'eligible'],
        ['two', 'ineligible'],
      ],
    );
    assert.deepEqual(
      on('a').map(({ rule, ruleVersion }) => [rule, ruleVersion]),
      [['one', compiled.rules[0]!.version]],
    );
    assert.deepEqual(on('c'), []);
  });

  it('leaves the stack trace limit as it was', () => {
    const before = Error.stackTraceLimit;
    evaluate('profile.x > 1', {});
    assert.equal(Error.stackTraceLimit, before);
  });

  describe('aggregates', () => {
    const aggregate = (op: AggregateOp, more: Partial<AggregateConfig> = {}): AggregateConfig => ({
      on: ['a'],
      op,
      windowMs: 1000,
      ...(op !== 'count' && { value: 'event.data.n' }),
      ...more,
    });

    it('include the current event and compare with ints and doubles', () => {
      const compiled = compileRules(
        rules('aggregates.count >= 2 && aggregates.sum > 10.5 && aggregates.last == 8', {
          count: aggregate('count'),
          sum: aggregate('sum'),
          last: aggregate('last'),
        }),
      );
      const subject = newSubjectState();
      const on = (n: number) => shown(evaluateEvent(compiled, subject, {}, event({ n }))[0]!);
      assert.deepEqual(on(3), [
        'ineligible',
        'aggregates.count = 1 and aggregates.sum = 3 and aggregates.last = 3',
      ]);
      assert.deepEqual(on(8), [
        'eligible',
        'aggregates.count = 2 and aggregates.sum = 11 and aggregates.last = 8',
      ]);
    });

    it('count only what their condition holds for; one that fails does not count', () => {
      const when = 'event.data.n > 5 && profile.vip';
      const compiled = compileRules(rules('aggregates.x >= 1', { x: aggregate('count', { when }) }));
      const on = (n: number, profile: Record<string, unknown>) =>
        shown(evaluateEvent(compiled, newSubjectState(), profile, event({ n }))[0]!);
      assert.deepEqual(on(6, { vip: true }), ['eligible', 'aggregates.x = 1']);
      assert.deepEqual(on(5, { vip: true }), ['ineligible', 'aggregates.x = 0']);
      assert.deepEqual(on(6, {}), ['ineligible', 'aggregates.x = 0']);
    });

    it("compare times as Python's isoformat writes them, of the event and of its data", () => {
      const recent = aggregate('count');
      const when = 'timestamp(event.time) > timestamp(event.data.after)';
      const compiled = compileRules(rules('aggregates.x == 1', { x: { ...recent, when } }));
      const time = '2026-01-01T00:00:00.123456+00:00';
      const failures: string[] = [];
      const [made] = evaluateEvent(
        compiled,
        newSubjectState(),
        {},
        event({ after: '2020-02-29T23:59:59.999999+05:30' }, { time }),
        { onFailure: (owner, name, code) => failures.push(`${owner} ${name} ${code}`) },
      );
      assert.deepEqual(shown(made!), ['eligible', 'aggregates.x = 1']);
      assert.deepEqual(failures, []);
    });

    it('are missing where there is nothing to take the minimum, maximum or last of', () => {
      for (const op of ['min', 'max', 'last'] as const) {
        const compiled = compileRules(rules('aggregates.x >= 1', { x: aggregate(op) }));
        const [got] = evaluateEvent(compiled, newSubjectState(), {}, event({}));
        assert.deepEqual(shown(got!), ['ineligible', 'aggregates.x is missing']);
      }
    });

    it('skip values that are no finite number', () => {
      const compiled = compileRules(
        rules('aggregates.x == 2', { x: aggregate('sum', { value: 'event.data.n / event.data.d' }) }),
      );
      const subject = newSubjectState();
      const data = [
        { n: 1, d: 0 },
        { n: 'x', d: 1 },
        { n: 2, d: 1 },
      ];
      const [got] = data.map((each) => evaluateEvent(compiled, subject, {}, event(each))[0]!).slice(-1);
      assert.deepEqual(shown(got!), ['eligible', 'aggregates.x = 2']);
    });

    it('know the events that they could not fold, each once', () => {
      const value = 'event.data.n / event.data.d';
      const compiled = compileRules(rules('aggregates.x == 2', { x: aggregate('sum', { value }) }));
      const subject = newSubjectState();
      const failing = event({ n: 'x', d: 1 });
      for (const each of [failing, event({ n: 2, d: 1 }), event({ n: 2 }), failing])
        evaluateEvent(compiled, subject, {}, each);
      const time = '2026-01-01T00:00:00.000Z';
      assert.deepEqual(failedFolds(compiled, subject), [{ aggregate: 'x', count: 2, code: 'MISSING', time }]);
      const other = compileRules(rules('aggregates.x == 2', { x: aggregate('sum', { value: '1' }) }));
      assert.deepEqual(failedFolds(other, subject), []);
    });

    it('count what is no number, no condition and too large as what they could not fold', () => {
      const compiled = compileRules(
        rules('aggregates.x == 2', {
          x: aggregate('sum', { value: 'event.data.n' }),
          w: aggregate('count', { when: 'event.data.n' }),
          l: aggregate('last', { value: 'event.data.n' }),
        }),
      );
      const subject = newSubjectState();
      const failures: string[] = [];
      const onFailure = (_owner: string, name: string, code: string) => failures.push(`${name} ${code}`);
      const values = ['150', null, 'x'.repeat(2_000), 2];
      const decided = values.map((n, at) => {
        const other = event({ n }, { id: `not-folded-${at}` });
        return evaluateEvent(compiled, subject, {}, other, { onFailure })[0]!;
      });
      assert.deepEqual(shown(decided.at(-1)!), ['eligible', 'aggregates.x = 2']);
      const of = (name: string) => failures.filter((each) => each === `${name} INVALID_VALUE`).length;
      assert.deepEqual([of('x'), of('w'), of('l'), failures.length], [3, 4, 1, 8]);
      const counts = failedFolds(compiled, subject).map(({ aggregate: name, count }) => [name, count]);
      assert.deepEqual(Object.fromEntries(counts), { x: 3, w: 4, l: 1 });
    });

    it('keep ints as plain numbers, so that the state is plain data', () => {
      const compiled = compileRules(
        rules('aggregates.x == 2 && aggregates.l == [1, 2]', {
          x: aggregate('sum', { value: '2' }),
          l: aggregate('last', { value: '[1, 2]' }),
        }),
      );
      const subject = newSubjectState();
      const [got] = evaluateEvent(compiled, subject, {}, event({}));
      assert.equal(got!.outcome, 'eligible');
      assert.deepEqual(JSON.parse(JSON.stringify(subject)), subject);
    });

    it('are folded on types that no rule is on, and read on types that feed none', () => {
      const compiled = compileRules({
        aggregates: { x: aggregate('count', { on: ['b'] }) },
        rules: [{ name: 'r', on: ['a'], when: 'aggregates.x >= 1' }],
      });
      const subject = newSubjectState();
      assert.deepEqual(evaluateEvent(compiled, subject, {}, event({}, { type: 'b' })), []);
      assert.equal(evaluateEvent(compiled, subject, {}, event({}, after(1000)))[0]!.outcome, 'eligible');
      assert.equal(evaluateEvent(compiled, subject, {}, event({}, after(1001)))[0]!.outcome, 'ineligible');
    });

    it('are taken as of the event, not as of the newest', () => {
      const compiled = compileRules(rules('aggregates.x >= 2', { x: aggregate('count') }));
      const subject = newSubjectState();
      evaluateEvent(compiled, subject, {}, event({}, after(900)));
      const [late] = evaluateEvent(compiled, subject, {}, event({}, after(0)));
      assert.deepEqual(shown(late!), ['ineligible', 'aggregates.x = 1']);
    });

    it('say the same when events are evaluated again, and the state stays as it was', () => {
      const compiled = compileRules(rules('aggregates.x >= 2', { x: aggregate('count') }));
      const subject = newSubjectState();
      const events = [event({}, after(0)), event({}, after(10)), event({}, after(20))];
      const all = () => events.map((each) => evaluateEvent(compiled, subject, {}, each));
      const first = all();
      const state = structuredClone(subject);
      assert.deepEqual(all(), first);
      assert.deepEqual(subject, state);
    });

    it('start anew when their definition changes, and leave the state when they are deleted', () => {
      const subject = newSubjectState();
      const run = (aggregates: RulesConfig['aggregates'], when = 'aggregates.x >= 2') =>
        shown(evaluateEvent(compileRules(rules(when, aggregates)), subject, {}, event({ n: 1 }))[0]!);
      run({ x: aggregate('count'), y: aggregate('count') });
      assert.deepEqual(run({ x: aggregate('count') }), ['eligible', 'aggregates.x = 2']);
      assert.deepEqual(Object.keys(subject.aggregates), ['x']);
      assert.deepEqual(run({ x: aggregate('count', { windowMs: 999 }) }), ['ineligible', 'aggregates.x = 1']);
    });
  });
});
