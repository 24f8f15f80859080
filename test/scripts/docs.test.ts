import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useTempDir } from '../support/temp-dir.js';

const MODULE = new URL('../../scripts/docs/generate.mjs', import.meta.url).href;
const RUNBOOK = new URL('../../docs/runbook/', import.meta.url);
const HOW_TO = new URL('../../docs/how-to/', import.meta.url);

/** As its own JSDoc says; scripts have no types. */
interface Module {
  writeDocs(root: string): Promise<void>;
  docsProblems(root: string): Promise<string[]>;
}

describe('npm run docs', () => {
  const root = useTempDir();
  let docs: Module;

  before(async () => {
    docs = (await import(MODULE)) as Module;
  });

  const write = (path: string, text: string) => writeFileSync(join(root(), path), text);

  beforeEach(async () => {
    await docs.writeDocs(root());
    // By hand, and linked to.
    write('docs/reference/expressions.md', '# Expressions\n');
    for (const folder of ['docs/runbook', 'docs/how-to']) mkdirSync(join(root(), folder));
    for (const [folder, pages] of [
      ['runbook', RUNBOOK],
      ['how-to', HOW_TO],
    ] as const)
      for (const page of readdirSync(pages)) {
        const lines = readFileSync(new URL(page, pages), 'utf8').split('\n');
        const headings = lines.filter((line) => line.startsWith('#'));
        write(`docs/${folder}/${page}`, headings.join('\n'));
      }
  });

  it('writes pages that its check takes as they are, and no longer once one is changed or gone', async () => {
    assert.deepEqual(await docs.docsProblems(root()), []);
    appendFileSync(join(root(), 'docs/reference/configuration.md'), 'By hand.\n');
    rmSync(join(root(), 'tenant.schema.json'));
    rmSync(join(root(), 'docs/reference/metrics.md'));
    const found = (await docs.docsProblems(root())).filter((each) => !each.includes('the link'));
    assert.deepEqual(
      found,
      ['docs/reference/configuration.md', 'docs/reference/metrics.md', 'tenant.schema.json'].map(
        (path) => `${path} differs from what the code says: run npm run docs, and commit it.`,
      ),
    );
  });

  it('finds links that lead nowhere, in all documents', async () => {
    write('README.md', '# A\n\n[b](docs/b.md#here) [c](docs/c.md) [a](#a) [d](#d)\n');
    write('docs/b.md', '# There\n\n[up](../README.md#a) `[no](link)`\n');
    write('docs/how-to/e.md', '![picture](e.png) [web](https://acme.example)\n');
    assert.deepEqual(await docs.docsProblems(root()), [
      'README.md: the link docs/b.md#here is broken: there is no such heading.',
      'README.md: the link docs/c.md is broken: there is no such file.',
      'README.md: the link #d is broken: there is no such heading.',
      'docs/how-to/e.md: the link e.png is broken: there is no such file.',
    ]);
  });
});
