import assert from 'node:assert/strict';
import { tests } from '@bufbuild/cel-spec/testdata/conformance.js';
import { Budget } from '../../src/expressions/budget.js';
import { compileWith } from '../../src/expressions/compile.js';
import { Fault } from '../../src/expressions/fault.js';
import type { Type } from '../../src/expressions/type.js';
import { canonical, casesOf, fromProto, typeFrom, type ConformanceCase } from './conformance-case.js';

/** What is refused although cel-go answers it, each with a position; docs/reference/expressions.md says so to users. */
const REFUSED: readonly (readonly [what: string, title: RegExp, expr: RegExp])[] = [
  ['messages of protocol buffers', /./, /\w\s*\{|\bproto\.(get|has)Ext\b|TestAllTypes|TestRequired/],
  ['enums of protocol buffers', /./, /\bGlobalEnum\b|\bNestedEnum\b/],
  ['cel.block, which optimizers write', /^block_ext/, /cel\.(block|iterVar)/],
  ['format()', /^string_ext/, /\.format\(/],
  ['names in backticks', /^fields/, /`/],
  ['optional elements and entries of literals', /^optionals/, /[[{,]\s*\?/],
  ['bytes beyond ASCII in a literal', /./, /b'[^']*[^\x00-\x7f]/],
  ['raw bytes', /^parse\/bytes_literals/, /^b[rR]/],
  ['a number that begins with its point', /./, /(^|\s)\.\d/],
  ['operands of && and || that are not bools', /^logic\/(AND|OR)\/short_circuit_type/, /./],
  ['a name that is not declared, beside what decides', /./, /^(x|f_unknown\(17\)|a\.\w+\(\)) \|\| true$/],
];

type Verdict = 'right' | 'refused' | 'not JSON';

interface Given {
  readonly variables: ReadonlyMap<string, Type>;
  readonly context: Readonly<Record<string, unknown>>;
}

/** What a case runs with; undefined where its variables are nothing that JSON or CEL's own types hold. */
function givenBy({ typeEnv = [], bindings = {}, checkOnly }: ConformanceCase): Given | undefined {
  if (checkOnly === true) return undefined;
  const variables = new Map<string, Type>();
  for (const { name, ident } of typeEnv) {
    const type = ident && typeFrom(ident.type);
    if (type === undefined || name.includes('.')) return undefined;
    variables.set(name, type);
  }
  const context: Record<string, unknown> = {};
  for (const [name, { value }] of Object.entries(bindings)) {
    context[name] = fromProto(value);
    if (context[name] === undefined) return undefined;
    if (!variables.has(name)) variables.set(name, { kind: 'dyn' });
  }
  return { variables, context };
}

function judge(title: string, test: ConformanceCase): Verdict {
  const given = givenBy(test);
  if (given === undefined) return 'not JSON';
  const { expression, problem } = compileWith(test.expr, given.variables);
  if (problem !== undefined) {
    assert.ok(problem.offset >= 0 && problem.offset <= test.expr.length, `${title}: a place in the text`);
    if (test.evalError !== undefined) return 'right';
    const known = REFUSED.some(([, where, what]) => where.test(title) && what.test(test.expr));
    assert.ok(known, `${title}: ${test.expr} is refused: ${problem.message}`);
    return 'refused';
  }
  const got = expression.run(given.context, new Budget());
  if (test.evalError !== undefined) {
    assert.ok(
      got instanceof Fault,
      `${title}: ${test.expr} gives ${JSON.stringify(canonical(got))}, no error`,
    );
    return 'right';
  }
  // A case without a value expects true.
  const wanted = test.value ?? test.typedResult?.result ?? { boolValue: true };
  assert.deepEqual(canonical(got), canonical(fromProto(wanted)), `${title}: ${test.expr}`);
  return 'right';
}

describe('expressions/conformance', () => {
  const verdicts: Record<Verdict, number> = { right: 0, refused: 0, 'not JSON': 0 };

  const sections = new Map<string, (readonly [string, ConformanceCase])[]>();
  for (const entry of casesOf(tests)) {
    const section = entry[0].split('/')[1]!;
    sections.set(section, [...(sections.get(section) ?? []), entry]);
  }

  for (const [section, cases] of sections) {
    it(`google/cel-spec ${section}: each of ${cases.length} cases is right, or refused`, () => {
      for (const [title, test] of cases) verdicts[judge(title.split('/').slice(1).join('/'), test)]++;
    });
  }

  it('refuses no more than it did', () => {
    assert.deepEqual(verdicts, { right: 1529, refused: 700, 'not JSON': 115 });
  });
});
