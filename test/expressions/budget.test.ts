import assert from 'node:assert/strict';
import { createTemplates } from '../../src/activities/workflow/templates.js';
import type { EventRow } from '../../src/events/event.js';
import { Budget, MAX_EVENT_STEPS, MAX_EXPRESSION_STEPS } from '../../src/expressions/budget.js';
import { compileExpression } from '../../src/expressions/compile.js';
import { TOO_COSTLY } from '../../src/expressions/fault.js';
import { compileOrderingKey } from '../../src/pull/ordering.js';
import { compileRoutes } from '../../src/routing/compile.js';
import { explain } from '../../src/routing/explain.js';
import { Router } from '../../src/routing/router.js';
import { compileRules } from '../../src/rules/compile.js';
import { evaluateEvent } from '../../src/rules/evaluate.js';
import { newSubjectState } from '../../src/rules/subject-state.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import type { WorkflowConfig } from '../../src/tenants/config/subscription-config.js';

const numbers = Array.from({ length: 3_000 }, (_, i) => i);

const row = (data: unknown): EventRow => ({
  specversion: '1.0',
  id: '1',
  source: '/s',
  type: 'a',
  data,
  time: '2026-01-01T00:00:00Z',
  received_at: '2026-01-01T00:00:00Z',
});

function run(source: string, data: unknown, budget = new Budget()): unknown {
  const { expression, problem } = compileExpression(source, 'event');
  assert.equal(problem, undefined);
  return expression!.run({ event: row(data) }, budget);
}

/** More rounds than an expression may take. */
const NESTED = 'event.data.l.all(a, event.data.l.all(b, a + b >= 0.0))';

const CONFIG = `tenant: T
subscriptions:
  - { name: hook, kind: pull }
routes:
  - { match: { when: '${NESTED}' }, to: [hook] }
`;

describe('expressions/budget', () => {
  const costly: readonly (readonly [source: string, data: object])[] = [
    [NESTED, { l: numbers }],
    ['event.data.l.map(a, event.data.l.map(b, a * b)).size() > 0', { l: numbers }],
    ['event.data.l.all(a, event.data.l.exists(b, b == event.data.nope))', { l: numbers }],
    ['event.data.l.all(a, event.data.l == event.data.l)', { l: numbers }],
    ['event.data.l.all(a, !("x" in event.data.l))', { l: numbers }],
    [
      'event.data.l.all(a, event.data.m.all(k, v, v >= 0))',
      { l: numbers, m: Object.fromEntries(numbers.entries()) },
    ],
    ['event.data.s.matches("[a-z]+[0-9]+$")', { s: 'a'.repeat(250_000) }],
    ['event.data.l.all(a, !event.data.s.matches("[a-z]+[0-9]+$"))', { l: numbers, s: 'a'.repeat(1000) }],
    ['event.data.l.all(a, !event.data.s.matches(event.data.p))', { l: numbers, s: 'a', p: '(?:a{9}){20}' }],
    ['event.data.l.all(a, !event.data.s.contains("b"))', { l: numbers, s: 'a'.repeat(100_000) }],
    ['event.data.s.replace("a", event.data.s) == ""', { s: 'a'.repeat(100_000) }],
    ['event.data.l.map(x, event.data.s).join() == ""', { l: numbers, s: 'a'.repeat(100_000) }],
    ['event.data.l.all(a, size(event.data.s) > 0)', { l: numbers, s: '👍'.repeat(100_000) }],
    ['event.data.l.all(a, timestamp(event.time).getHours("Europe/Berlin") < 24)', { l: numbers }],
  ];
  for (const [source, data] of costly)
    it(`stops ${source}`, () => {
      const budget = new Budget();
      assert.equal(run(source, data, budget), TOO_COSTLY);
      assert.ok(budget.used <= MAX_EXPRESSION_STEPS, `${budget.used} steps`);
    });

  it('leaves a condition on each of 10,000 items alone', () => {
    const items = Array.from({ length: 10_000 }, (_, i) => ({ price: i }));
    assert.equal(run('event.data.items.all(item, item.price >= 0)', { items }), true);
    assert.equal(run('event.data.items.exists(item, item.price + 1 == 10000.0)', { items }), true);
  });

  it('cannot be got around by an operand that decides, as an error can', () => {
    assert.equal(run(`${NESTED} || true`, { l: numbers }), TOO_COSTLY);
    assert.equal(run(`true || ${NESTED}`, { l: numbers }), true);
  });

  it('counts the same steps each time, also where a pattern or a zone is remembered', () => {
    const sources = [
      'event.data.s.matches(event.data.p)',
      'timestamp(event.time).getHours("Asia/Tokyo") > 0',
    ];
    for (const source of sources) {
      const steps = [1, 2, 3].map(() => {
        const budget = new Budget();
        run(source, { s: 'abc', p: '^(?:a|b{3})c[0-9]?' }, budget);
        return budget.used;
      });
      assert.deepEqual(new Set(steps).size, 1, String(steps));
    }
  });

  it('is shared by the expressions of an event, and says what they have taken', () => {
    const when = 'event.data.l.all(a, a >= 0.0)';
    const rules = Array.from({ length: 20 }, (_, i) => ({ name: `r${i}`, on: ['a'], when }));
    const budget = new Budget();
    const failures: string[] = [];
    const data = { l: [...numbers, ...numbers] };
    const made = evaluateEvent(compileRules({ aggregates: {}, rules }), newSubjectState(), {}, row(data), {
      budget,
      onFailure: (owner, name, code) => failures.push(`${owner} ${name} ${code}`),
    });
    const decided = made.filter(({ outcome }) => outcome === 'eligible').length;
    assert.ok(decided > 3 && decided < 10, `${decided} of 20`);
    assert.deepEqual(made.at(-1), {
      rule: 'r19',
      ruleVersion: made.at(-1)!.ruleVersion,
      outcome: 'ineligible',
      reason: 'too costly',
    });
    assert.equal(budget.used, MAX_EVENT_STEPS);
    assert.equal(failures.length, 20 - decided);
    assert.equal(failures.at(-1), 'rule r19 TOO_COSTLY');
  });

  it('leaves an event out of an aggregate whose expression is too costly', () => {
    const compiled = compileRules({
      aggregates: { x: { on: ['a'], op: 'count', windowMs: 1000, when: NESTED } },
      rules: [{ name: 'r', on: ['a'], when: 'aggregates.x == 0' }],
    });
    const failures: string[] = [];
    const [made] = evaluateEvent(compiled, newSubjectState(), {}, row({ l: numbers }), {
      onFailure: (owner, name, code) => failures.push(`${owner} ${name} ${code}`),
    });
    assert.equal(made!.outcome, 'eligible');
    assert.deepEqual(failures, ['aggregate x TOO_COSTLY']);
  });

  it('keeps an event from a route whose filter is too costly; --explain says so', () => {
    const config = parseTenantConfig(CONFIG, 'T.yaml');
    const { compiled } = compileRoutes(config);
    const failures: string[] = [];
    const options = { onFailure: (...failure: unknown[]) => failures.push(failure.join(' ')) };
    assert.deepEqual(new Router(compiled).aims(row({ l: numbers }), 'events', options), []);
    assert.deepEqual(failures, ['route 0 TOO_COSTLY']);
    const { routes } = explain(compiled, config.routes, row({ l: numbers }), 'events');
    assert.equal(routes[0]!.because, '"when" fails: too costly');
  });

  it('gives an event no ordering key, and no workflow, where that is too costly', () => {
    const source = `${NESTED} ? "x" : "y"`;
    assert.equal(compileOrderingKey(source)(row({ l: numbers })), undefined);
    const config = { workflow: '"w"', taskQueue: '"q"', id: source, signal: '"s"' } as WorkflowConfig;
    assert.throws(() => createTemplates('T', config, [])(row({ l: numbers })), /"id" fails: too costly/);
  });
});
