/**
 * `npm run check`: format, lint, types, what is unused, words, licenses, generated documents and the API's description, side
 * by side, the first four with caches; what fails prints what it found.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runQuietly } from './run.mjs';
import { main, ROOT, TSC } from './setup.mjs';

const CACHE = join(ROOT, 'node_modules', '.cache', 'headgate');
const require = createRequire(import.meta.url);

const CHECKS = {
  format: [
    join(require.resolve('prettier'), '..', 'bin', 'prettier.cjs'),
    '--check',
    '.',
    '--cache',
    '--cache-strategy',
    'content',
    '--log-level',
    'warn',
    '--cache-location',
    join(CACHE, 'prettier'),
  ],
  lint: [
    join(require.resolve('eslint/package.json'), '..', 'bin', 'eslint.js'),
    '.',
    '--cache',
    '--cache-strategy',
    'content',
    '--cache-location',
    join(CACHE, 'eslint'),
  ],
  types: [
    TSC,
    '--noEmit',
    '-p',
    'tsconfig.test.json',
    '--incremental',
    '--tsBuildInfoFile',
    join(CACHE, 'types.tsbuildinfo'),
  ],
  unused: [
    join(ROOT, 'node_modules', 'knip', 'bin', 'knip.js'),
    '--no-progress',
    '--treat-config-hints-as-errors',
    '--cache',
    '--cache-location',
    join(CACHE, 'knip'),
  ],
  words: [join(ROOT, 'scripts', 'words.mjs')],
  licenses: [join(ROOT, 'scripts', 'licenses.mjs')],
  docs: [join(ROOT, 'scripts', 'docs.mjs'), '--check'],
  openapi: [join(ROOT, 'scripts', 'openapi.mjs')],
};

async function check([name, command]) {
  const start = performance.now();
  const failure = await runQuietly(process.execPath, command, { cwd: ROOT }).then(
    () => undefined,
    (error) => error.message,
  );
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${name}: ${failure === undefined ? 'ok' : 'failed'} (${seconds} s)`);
  return failure;
}

await main(async () => {
  const failures = await Promise.all(Object.entries(CHECKS).map(check));
  const said = failures.filter((each) => each !== undefined);
  for (const each of said) console.error(`\n${each}`);
  return said.length;
});
