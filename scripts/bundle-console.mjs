/**
 * Bundles the console (src/console) to dist/console: a page, a script, a style and what plots. Names of files say what is in
 * them, so that a browser that has one never asks for it again. Users get them built, with the package.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './setup.mjs';

const SOURCE = join(ROOT, 'src', 'console');
const LIBRARIES = ['htm', 'preact', 'uplot'];

/** What browsers of 2023 and later understand, which have all that the console uses. */
const TARGET = 'es2022';

/** @param {string} to the directory that is made anew */
export async function bundleConsole(to) {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { console: join(SOURCE, 'start.js') },
    bundle: true,
    splitting: true,
    format: 'esm',
    target: TARGET,
    minify: true,
    legalComments: 'none',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    outdir: to,
    metafile: true,
    logLevel: 'error',
  });
  const style = await bundleStyle(to);
  const names = [...Object.keys(metafile.outputs), ...style].map((path) => basename(path));
  await writeFile(join(to, 'index.html'), await page(names));
  await writeFile(join(to, 'licenses.txt'), await licenses());
}

async function bundleStyle(to) {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { console: join(SOURCE, 'console.css') },
    bundle: true,
    minify: true,
    entryNames: '[name]-[hash]',
    outdir: to,
    metafile: true,
    logLevel: 'error',
  });
  return Object.keys(metafile.outputs);
}

/** The page, which names the files by their own names. */
async function page(names) {
  const text = await readFile(join(SOURCE, 'index.html'), 'utf8');
  return text.replaceAll(/\/console\/([\w.]+)\.(js|css)/g, (_all, name, ending) => {
    const own = names.find((each) => each.startsWith(`${name}-`) && each.endsWith(`.${ending}`));
    if (own === undefined)
      throw new Error(`The page of the console names ${name}.${ending}, which is not made.`);
    return `/console/${own}`;
  });
}

/** The licenses of what is in the script. */
async function licenses() {
  const texts = LIBRARIES.map(
    async (name) => `${name}\n\n${await readFile(join(ROOT, 'node_modules', name, 'LICENSE'), 'utf8')}`,
  );
  return (await Promise.all(texts)).join('\n\n');
}
