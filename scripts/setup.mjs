import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oneAtATime } from './one-at-a-time.mjs';
import { NPM, runQuietly } from './run.mjs';
import { Stamp } from './stamp.mjs';
import { step } from './step.mjs';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** TypeScript's compiler in machine code, some five times as fast; the linter still needs the one in JavaScript. */
export const TSC = join(ROOT, 'node_modules', 'typescript-native', 'bin', 'tsc');

const NODE_NEEDED = [20, 19];

const inRoot = (...names) => names.map((name) => join(ROOT, name));

/**
 * Makes a checkout ready to run: checks Node, installs the dependencies and builds, each only if needed, and one process
 * at a time. Uses nothing but Node itself, since it runs before there are any dependencies.
 * @param {{ quiet?: boolean }} [options] quiet: prints nothing unless something fails
 */
export async function setup({ quiet = false } = {}) {
  assertNode();
  if (isReady()) return;
  // Two that install or build at once would delete each other's files.
  await oneAtATime(
    `set-up of ${ROOT}`,
    async () => {
      await installDependencies(quiet);
      await build(quiet);
    },
    () => {
      if (!quiet) console.log('Another process sets up this checkout; waiting for it …');
    },
  );
}

function isReady() {
  return reasonToInstall() === undefined && buildStamp().isFresh();
}

function assertNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1])) return;
  console.error(
    `Headgate needs Node ${NODE_NEEDED.join('.')} or newer; this is ${process.versions.node}. Get one at https://nodejs.org.`,
  );
  process.exit(1);
}

async function installDependencies(quiet) {
  const reason = reasonToInstall();
  if (reason === undefined) return;
  const install = () =>
    runQuietly(NPM.command, ['ci', '--no-audit', '--no-fund', '--no-dry-run'], {
      cwd: ROOT,
      shell: NPM.shell,
    });
  await step(`Installing dependencies (${reason})`, install, { quiet });
}

/** npm writes down what it has installed when it is done; that is compared with what package-lock.json asks for. */
function reasonToInstall() {
  const installed = packagesOf(join(ROOT, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'there are none yet';
  const wanted = Object.entries(packagesOf(join(ROOT, 'package-lock.json')));
  const differs = wanted.some(([path, { version, link, optional, devOptional, peer }]) => {
    if (link) return !existsSync(join(ROOT, path));
    // The root itself, the workspaces behind links, and what npm may leave out on this platform.
    if (!path.startsWith('node_modules/') || optional || devOptional || peer) return false;
    return installed[path]?.version !== version;
  });
  return differs ? 'package-lock.json has changed' : undefined;
}

function packagesOf(lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages : undefined;
}

function buildStamp() {
  const client = ['src', 'package.json', 'tsconfig.json'].map((name) => join('packages', 'client', name));
  const sources = inRoot(
    'src',
    ...client,
    'tsconfig.json',
    'package-lock.json',
    join('scripts', 'build.mjs'),
  );
  return new Stamp(join(ROOT, 'dist', '.headgate-stamp'), sources);
}

async function build(quiet) {
  const stamp = buildStamp();
  if (stamp.isFresh()) return;
  const reason = existsSync(join(ROOT, 'dist')) ? 'the sources have changed' : 'there is no dist yet';
  const compile = async () => {
    await runQuietly(process.execPath, [join(ROOT, 'scripts', 'build.mjs')], { cwd: ROOT });
    stamp.write();
  };
  await step(`Building (${reason})`, compile, { quiet });
}

/** Runs a script's main function; a failure ends the process with code 1 and its message, without a stack. */
export async function main(run) {
  try {
    process.exitCode = await run();
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await setup();
    console.log('Ready: npm start runs the demo, npm test the tests, npx headgate --help shows the rest.');
  });
}
