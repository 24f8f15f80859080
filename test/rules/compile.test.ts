import assert from 'node:assert/strict';
import { HeadgateError } from '../../src/errors.js';
import { compileRules, type RuleIssue } from '../../src/rules/compile.js';
import type { RulesConfig, AggregateConfig } from '../../src/rules/rule-config.js';
import { concernsRules } from '../../src/rules/compiled.js';

const late: AggregateConfig = { on: ['a'], op: 'count', windowMs: 1000 };

function config(when: string, aggregates: Record<string, AggregateConfig> = { late }): RulesConfig {
  return { aggregates, rules: [{ name: 'r', on: ['a'], when }] };
}

function issuesOf(rules: RulesConfig): RuleIssue[] {
  try {
    compileRules(rules);
  } catch (error) {
    assert.ok(error instanceof HeadgateError);
    assert.equal(error.code, 'TENANT_CONFIG_INVALID');
    return error.details!.issues as RuleIssue[];
  }
  return [];
}

const versionOf = (rules: RulesConfig) => compileRules(rules).rules[0]!.version;

describe('rules/compile', () => {
  const refused: [when: string, offset: number, message: RegExp][] = [
    ['event.type = "a"', 11, /Unexpected character: =; did you mean "=="\?/],
    ['true & false', 5, /; did you mean "&&"\?/],
    ['true | false', 5, /; did you mean "\|\|"\?/],
    ['event.data.n > 3 &&', 19, /Unexpected token: EOF/],
    ['event.data.n > 3 && foo', 20, /Unknown variable: foo/],
    ['event + 1 > 2', 0, /no such overload/],
    ['aggregates.late >= 3 && aggregates.lte > 1', 35, /no aggregate named "lte" \(declared are late\)/],
    ['1 < 2 || aggregates["nope"] > 1', 20, /no aggregate named "nope"/],
    ['aggregates . nope > 1', 13, /no aggregate named "nope"/],
    ['has(aggregates.nope)', 15, /no aggregate named "nope"/],
    ['aggregates[event.type] > 1', 0, /used by its name/],
    ['"late" in aggregates', 10, /used by its name/],
    ['1 + 2', 0, /gives int, but must give true or false/],
    ['"yes"', 0, /gives string, but must give true or false/],
  ];
  for (const [when, offset, message] of refused) {
    it(`refuses ${when} at offset ${offset}`, () => {
      const [issue, ...more] = issuesOf(config(when));
      assert.deepEqual(more, []);
      assert.deepEqual(issue?.path, ['rules', 0, 'when']);
      assert.match(issue.message, message);
      assert.equal(issue.offset, offset);
    });
  }

  const accepted = [
    'event.data.n + 1 > 2',
    'event.data.n',
    'true',
    'aggregates.late >= 3 && aggregates["late"] > 1.5',
    'event.data.legs.exists(leg, leg.minutes > 3)',
    'size(event.data.legs) * 1.5 + 1 > 3',
    'timestamp(event.time) > timestamp("2012-01-01T00:00:00Z")',
  ];
  for (const when of accepted) {
    it(`accepts ${when}`, () => assert.deepEqual(issuesOf(config(when)), []));
  }

  const refusedAggregates: [name: string, aggregate: AggregateConfig, path: string[], message: RegExp][] = [
    ['a sum without a value', { ...late, op: 'sum' }, [], /needs a "value"/],
    ['a count with a value', { ...late, value: '1' }, ['value'], /has no value/],
    ['a value that is not a number', { ...late, op: 'max', value: '"x"' }, ['value'], /must give a number/],
    ['a condition that is no boolean', { ...late, when: '1' }, ['when'], /must give true or false/],
    [
      'one that uses another',
      { ...late, when: 'aggregates.late > 1' },
      ['when'],
      /cannot be used in an aggregate/,
    ],
  ];
  for (const [name, aggregate, path, message] of refusedAggregates) {
    it(`refuses ${name}`, () => {
      const issues = issuesOf({ aggregates: { x: aggregate }, rules: [] });
      assert.equal(issues.length, 1);
      assert.deepEqual(issues[0]!.path, ['aggregates', 'x', ...path]);
      assert.match(issues[0]!.message, message);
    });
  }

  it('takes any value for last', () => {
    assert.deepEqual(issuesOf({ aggregates: { x: { ...late, op: 'last', value: '"x"' } }, rules: [] }), []);
  });

  it('reports all problems together, and a second rule of the same name', () => {
    const issues = issuesOf({
      aggregates: { late, x: { ...late, op: 'min' } },
      rules: [
        { name: 'r', on: ['a'], when: 'foo' },
        { name: 'r', on: ['a'], when: 'aggregates.x > 1 &&' },
      ],
    });
    assert.deepEqual(
      issues.map(({ path }) => path.join('.')),
      ['aggregates.x', 'rules.0.when', 'rules.1.name', 'rules.1.when'],
    );
  });

  describe('rule versions', () => {
    const uses = config('aggregates.late > 1');

    it('are 12 hex digits and the same for the same definition', () => {
      assert.match(versionOf(uses), /^[0-9a-f]{12}$/);
      assert.equal(versionOf(uses), versionOf(structuredClone(uses)));
      assert.equal(
        versionOf(uses),
        versionOf(config('aggregates.late > 1', { late: { windowMs: 1000, op: 'count', on: ['a'] } })),
      );
    });

    it('stay when another rule or an aggregate not used changes', () => {
      const other = { ...late, windowMs: 5 };
      const rules = [...uses.rules, { name: 'other', on: ['a'], when: 'true' }];
      assert.equal(versionOf({ rules, aggregates: { late, other } }), versionOf(uses));
    });

    it('change with the expression, the event types, the name and the aggregates used', () => {
      const rule = uses.rules[0]!;
      const versions = [
        versionOf(uses),
        versionOf(config('aggregates.late > 2')),
        versionOf({ ...uses, rules: [{ ...rule, on: ['a', 'b'] }] }),
        versionOf({ ...uses, rules: [{ ...rule, name: 'q' }] }),
        versionOf(config(rule.when, { late: { ...late, windowMs: 1001 } })),
        versionOf(config(rule.when, { late: { ...late, when: 'event.data.x > 1' } })),
      ];
      assert.equal(new Set(versions).size, versions.length);
    });
  });

  it('compiles chains as long as an expression may be, and refuses what is nested too deeply', () => {
    const chain = Array.from({ length: 1_200 }, (_, i) => `event.x${i}`).join('||');
    assert.deepEqual(issuesOf(config(chain.slice(0, 9_990).replace(/\|*[^|]*$/, ''))), []);
    assert.match(issuesOf(config('!'.repeat(9_000) + 'true'))[0]!.message, /nested more than 500 deep/);
    assert.match(issuesOf(config('1' + '+1'.repeat(4_900)))[0]!.message, /nested more than 500 deep/);
  });

  it('refuses regular expressions that are too large together', () => {
    const pattern = (i: number) => `event.data.s.matches("^${i}[a-z]{300}$")`;
    const rules = Array.from({ length: 100 }, (_, i) => ({ name: `r${i}`, on: ['a'], when: pattern(i) }));
    const issues = issuesOf({ aggregates: {}, rules });
    assert.ok(issues.length > 20 && issues.length < 60, `${issues.length} of 100`);
    assert.match(issues[0]!.message, /regular expressions of the file are too large together/);
  });

  it('plans 500 rules of 100 types each rule by rule, not type by type', function () {
    this.timeout(10_000);
    const on = (rule: number) => Array.from({ length: 100 }, (_, type) => `t${rule}.${type}`);
    const rules = Array.from({ length: 500 }, (_, i) => ({ name: `r${i}`, on: on(i), when: 'true' }));
    const { byType } = compileRules({ aggregates: {}, rules });
    assert.equal(byType.size, 50_000);
    assert.deepEqual(
      byType.get('t7.42')?.rules.map(({ name }) => name),
      ['r7'],
    );
  });

  it('knows which event types concern it', () => {
    const compiled = compileRules({ aggregates: { late }, rules: [{ name: 'r', on: ['b'], when: 'true' }] });
    assert.deepEqual(
      ['a', 'b', 'c'].map((type) => concernsRules(compiled, type)),
      [true, true, false],
    );
  });
});
