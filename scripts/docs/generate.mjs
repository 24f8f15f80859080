/** Generates the reference from the code, and checks it. The pages' modules read the sources: import this with tsx. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ROOT } from '../setup.mjs';
import { brokenLinks, documentsOf } from './links.mjs';
import { formatted } from './markdown.mjs';

/** The files that are generated, each with the module that makes it. */
const PAGES = {
  'docs/reference/api.md': './api.mjs',
  'docs/reference/cli.md': './cli.mjs',
  'docs/reference/configuration.md': './configuration.mjs',
  'docs/reference/errors.md': './errors.mjs',
  'docs/reference/log-lines.md': './log-lines.mjs',
  'docs/reference/metrics.md': './metrics.mjs',
  'docs/reference/tenant-file.md': './tenant-file.mjs',
  'tenant.schema.json': './tenant-schema.mjs',
};

/** Each file's path and text. */
async function generated() {
  const pages = Object.entries(PAGES).map(async ([path, module]) => {
    const { page } = await import(module);
    return [path, await formatted(join(ROOT, path), await page())];
  });
  return Promise.all(pages);
}

/** Writes all of them into a tree. */
export async function writeDocs(root) {
  for (const [path, text] of await generated()) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** A sentence for each file of a tree that differs, and for each link between its documents that is broken. */
export async function docsProblems(root) {
  const differing = [];
  for (const [path, text] of await generated()) {
    const committed = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (committed !== text)
      differing.push(`${path} differs from what the code says: run npm run docs, and commit it.`);
  }
  return [...differing, ...(await brokenLinks(root, await documentsOf(root)))];
}
