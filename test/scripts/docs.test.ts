import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useTempDir } from '../support/temp-dir.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/docs.mjs', import.meta.url));

describe('npm run docs', () => {
  const root = useTempDir();

  const docs = (...options: string[]) => {
    const args = [SCRIPT, '--root', root(), ...options];
    return spawnSync(process.execPath, args, { encoding: 'utf8' });
  };

  it('writes pages that its check takes as they are, and no longer once one is changed or gone', () => {
    assert.equal(docs().status, 0);
    assert.deepEqual([docs('--check').status, docs('--check').stderr], [0, '']);
    const pages = readdirSync(join(root(), 'docs', 'reference'));
    assert.ok(pages.includes('configuration.md') && pages.includes('errors.md'));

    appendFileSync(join(root(), 'docs', 'reference', 'configuration.md'), 'By hand.\n');
    rmSync(join(root(), 'docs', 'reference', 'errors.md'));
    const { status, stderr } = docs('--check');
    assert.equal(status, 1);
    for (const page of ['configuration', 'errors'])
      assert.match(stderr, new RegExp(`docs/reference/${page}.md differs from what the code says`));
  });

  it('finds links that lead nowhere, in all documents', () => {
    docs();
    writeFileSync(join(root(), 'README.md'), '# A\n\n[b](docs/b.md#here) [c](docs/c.md) [a](#a) [d](#d)\n');
    mkdirSync(join(root(), 'docs', 'how-to'));
    writeFileSync(join(root(), 'docs', 'b.md'), '# There\n\n[up](../README.md#a) `[no](link)`\n');
    writeFileSync(join(root(), 'docs', 'how-to', 'e.md'), '![picture](e.png) [web](https://acme.example)\n');
    assert.deepEqual(docs('--check').stderr.trim().split('\n'), [
      'README.md: the link docs/b.md#here is broken: there is no such heading.',
      'README.md: the link docs/c.md is broken: there is no such file.',
      'README.md: the link #d is broken: there is no such heading.',
      'docs/how-to/e.md: the link e.png is broken: there is no such file.',
    ]);
  });
});
