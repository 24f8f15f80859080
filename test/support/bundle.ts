import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Packages are found from where a file lies, so it has to be below the checkout. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/headgate-tests/', import.meta.url));

const bundles = new Map<string, Promise<string>>();

/**
 * A TypeScript file and what it imports of the checkout as one file of JavaScript, for processes that are started again and
 * again: one that is to be killed in a load is there for half the CPU that tsx takes for it. Made once, deleted at the end.
 * @param file its path; it and what it imports cannot look for files beside themselves
 */
export function bundle(file: string): Promise<string> {
  const known = bundles.get(file) ?? make(file);
  bundles.set(file, known);
  return known;
}

async function make(file: string): Promise<string> {
  const outfile = join(FOLDER, `${basename(file, '.ts')}-${process.pid}.mjs`);
  process.once('exit', () => rmSync(outfile, { force: true }));
  await build({
    entryPoints: [file],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  return outfile;
}
