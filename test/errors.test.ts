import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { statusOf } from '../src/api/problem.js';
import { HeadgateError, type ErrorCode } from '../src/errors.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

describe('the codes of errors', () => {
  it('are all in docs/errors.md, with the status they are answered with', () => {
    const codes = [...read('src/errors.ts').matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code);
    const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` *\| *(\d*) *\| \S/gm)];
    assert.deepEqual(
      rows.map(([, code]) => code),
      codes,
    );
    for (const [, code, status] of rows)
      if (status !== '')
        assert.equal(statusOf(new HeadgateError(code as ErrorCode, '')), Number(status), code);
  });
});
