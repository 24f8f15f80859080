/**
 * `npm run docs`: writes docs/reference/ and tenant.schema.json from the code. With `--check`, which is a part of
 * `npm run check`, it writes nothing: it fails when what is committed differs, or when a link between documents is broken.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { register } from 'tsx/esm/api';
import { brokenLinks, documentsOf } from './docs/links.mjs';
import { main, ROOT } from './setup.mjs';

/** The files that are generated, each with the module that makes it; the modules read the sources, so they come by tsx. */
const PAGES = {
  'docs/reference/cli.md': './docs/cli.mjs',
  'docs/reference/metrics.md': './docs/metrics.mjs',
  'docs/reference/errors.md': './docs/errors.mjs',
  'docs/reference/configuration.md': './docs/configuration.mjs',
};

async function generated() {
  register();
  const { formatted } = await import('./docs/markdown.mjs');
  const pages = Object.entries(PAGES).map(async ([path, module]) => {
    const { page } = await import(module);
    return [path, await formatted(join(ROOT, path), await page())];
  });
  return Promise.all(pages);
}

async function write(root) {
  for (const [path, text] of await generated()) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

async function problems(root) {
  const differing = [];
  for (const [path, text] of await generated()) {
    const committed = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (committed !== text)
      differing.push(`${path} differs from what the code says: run npm run docs, and commit it.`);
  }
  return [...differing, ...(await brokenLinks(root, await documentsOf(root)))];
}

/** The value of `--root`: another tree to write to, or to check. */
function rootOf(args) {
  const at = args.indexOf('--root');
  return at < 0 ? ROOT : args[at + 1];
}

await main(async () => {
  const args = process.argv.slice(2);
  const root = rootOf(args);
  if (!args.includes('--check')) return write(root);
  const found = await problems(root);
  for (const each of found) console.error(each);
  return found.length > 0 ? 1 : 0;
});
