import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Budget, MAX_EVENT_STEPS, MAX_EXPRESSION_STEPS } from '../../src/expressions/budget.js';
import { compileExpression } from '../../src/expressions/compile.js';
import type { Context } from '../../src/expressions/frame.js';
import { FUNCTIONS } from '../../src/expressions/functions/index.js';
import { MACRO_NAMES } from '../../src/expressions/macros.js';
import { toJson } from '../../src/expressions/to-json.js';

const text = readFileSync(new URL('../../docs/reference/expressions.md', import.meta.url), 'utf8');
const context = JSON.parse(/```json\n([^]*?)```/.exec(text)![1]!) as Context;

/** The rows of the tables under a heading, by their cells without backticks. */
function rowsUnder(heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => /^\| `/.test(line));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
}

const bare = (cell: string) => cell.replace(/^`|`$/g, '');
const functions = rowsUnder('Functions');
const macros = rowsUnder('Macros');

describe('docs/reference/expressions.md', () => {
  it('has each function that there is, and no other', () => {
    const documented = functions.flatMap(([signatures]) => signatures!.split('<br>').map(bare));
    assert.deepEqual(documented.sort(), FUNCTIONS.map(({ signature }) => signature).sort());
  });

  it('has each macro that there is, and no other', () => {
    assert.deepEqual(macros.map(([name]) => bare(name!)).sort(), [...MACRO_NAMES].sort());
  });

  for (const row of [...functions, ...macros]) {
    const [example, wanted] = row.slice(-2).map(bare) as [string, string];
    it(`${example} gives ${wanted}`, () => {
      const { expression, problem } = compileExpression(example, 'rule');
      assert.equal(problem, undefined);
      assert.equal(JSON.stringify(toJson(expression!.run(context, new Budget()))), wanted);
    });
  }

  it('names the limits as they are', () => {
    for (const limit of [MAX_EXPRESSION_STEPS, MAX_EVENT_STEPS])
      assert.ok(text.includes(`| ${limit.toLocaleString('en')}`), String(limit));
  });

  it('says truly how large loops in loops may be', () => {
    const nested = compileExpression(
      'event.data.l.all(a, event.data.l.all(b, a + b >= 0.0))',
      'rule',
    ).expression!;
    const on = (size: number) =>
      nested.run({ event: { data: { l: Array.from({ length: size }, (_, i) => i) } } }, new Budget());
    assert.equal(on(100), true);
    assert.notEqual(on(200), true);
  });
});
