import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { ERROR_TEXTS } from '../src/reference/errors/error-texts.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The options of each `new HeadgateError('CODE', …)` in the sources, by the code. */
function optionsByCode(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === 'HeadgateError') {
      const [code, , options] = node.arguments ?? [];
      if (code !== undefined && ts.isStringLiteral(code))
        found.set(code.text, [...(found.get(code.text) ?? []), options?.getText() ?? '']);
    }
    ts.forEachChild(node, visit);
  };
  for (const path of sources()) {
    const text = readFileSync(path, 'utf8');
    if (text.includes('new HeadgateError('))
      visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  }
  return found;
}

function sources(): string[] {
  return ['src', 'packages/client/src'].flatMap((directory) =>
    readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(ROOT, directory, name)),
  );
}

describe('the codes of errors', () => {
  it('are described with whether trying again helps, as the errors that are thrown say', () => {
    const thrown = optionsByCode();
    assert.ok(thrown.size > 50);
    for (const [code, { retry }] of Object.entries(ERROR_TEXTS)) {
      const isRetryable = (thrown.get(code) ?? []).map((options) => /retry/i.test(options));
      if (isRetryable.length === 0) continue;
      const expected = isRetryable.every(Boolean) ? 'yes' : isRetryable.some(Boolean) ? 'depends' : 'no';
      assert.equal(retry, expected, code);
    }
  });
});
