import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import dockerignore from '@balena/dockerignore';
import { DockerfileParser, type Copy, type Instruction } from 'dockerfile-ast';
import { skipWithoutMounts } from '../support/small-disk.js';
import { temporalAddress } from '../support/temporal.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCKERFILE = DockerfileParser.parse(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
/** `node` in the official images. */
const NODE_USER = '1000';
/** What people have in a checkout and must not end up in an image, nor be sent to build one. */
const SECRETS = [
  '.headgate/keys/private.json',
  '.env',
  'src/.headgate/x',
  '.git/config',
  'node_modules/x/x.js',
];

/**
 * Makes the file tree that the Dockerfile makes, by its COPY lines, .dockerignore and those RUN lines that are npm's, and
 * runs it as the image does: as a user without rights, on a file system that is read-only. Docker itself is not needed.
 */
describe('the image', function () {
  this.timeout(600_000);
  let dir: string;
  let context: string;
  const stages = new Map<string, string>();

  before(async function () {
    skipWithoutMounts(this);
    dir = mkdtempSync(join(tmpdir(), 'headgate-image-'));
    execFileSync('chmod', ['755', dir]);
    context = join(dir, 'context');
    copyCheckout();
    for (const [index, stage] of stagesOf().entries()) {
      const root = join(dir, `stage${index}`);
      stages.set(stage.name, root);
      for (const instruction of stage.instructions) await apply(instruction, root);
    }
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** The build context as Docker would be sent it. */
  function copyCheckout(): void {
    const list = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: ROOT });
    const checkout = join(dir, 'checkout');
    for (const file of list
      .toString()
      .split('\0')
      .filter((each) => each !== '' && existsSync(join(ROOT, each))))
      copy(join(ROOT, file), join(checkout, file));
    for (const file of SECRETS) {
      mkdirSync(dirname(join(checkout, file)), { recursive: true });
      writeFileSync(join(checkout, file), 'secret');
    }
    const ignored = dockerignore.default().add(readFileSync(join(checkout, '.dockerignore'), 'utf8'));
    const all = execFileSync('find', ['.', '-type', 'f', '-printf', '%P\\n'], { cwd: checkout });
    for (const file of ignored.filter(all.toString().trim().split('\n')))
      copy(join(checkout, file), join(context, file));
  }

  function stagesOf(): { name: string; instructions: Instruction[] }[] {
    const found: { name: string; instructions: Instruction[] }[] = [];
    for (const instruction of DOCKERFILE.getInstructions()) {
      const words = instruction.getArguments().map((each) => each.getValue());
      if (instruction.getKeyword() === 'FROM')
        found.push({ name: words[2] ?? String(found.length), instructions: [] });
      else found.at(-1)?.instructions.push(instruction);
    }
    return found;
  }

  /** All of it is in /app, the working directory of both stages. */
  async function apply(instruction: Instruction, root: string): Promise<void> {
    const words = instruction.getArguments().map((each) => each.getValue());
    if (instruction.getKeyword() === 'COPY') {
      const from = (instruction as Copy).getFromFlag()?.getValue() ?? undefined;
      const sources = [...words];
      const target = sources.pop() ?? '';
      for (const source of sources) {
        const origin = from === undefined ? join(context, source) : join(stages.get(from) ?? '', source);
        const into = target.endsWith('/') ? posix.join(target, basename(source)) : target;
        copy(origin, join(root, 'app', into));
      }
    }
    const command = words.join(' ');
    if (instruction.getKeyword() === 'RUN' && command.startsWith('npm '))
      await promisify(execFile)('sh', ['-ec', command], {
        cwd: join(root, 'app'),
        env: environment({ npm_config_prefer_offline: 'true' }),
        maxBuffer: 64 * 1024 * 1024,
      });
  }

  function environment(more: Record<string, string> = {}): Record<string, string> {
    const { PATH = '', HOME = '' } = process.env;
    return { PATH, HOME, ...more };
  }

  /** What ENV says, with the data directory where this test has one. */
  function imageEnvironment(): Record<string, string> {
    const pairs = DOCKERFILE.getENVs().flatMap((env) => env.getProperties());
    const set = Object.fromEntries(pairs.map((each) => [each.getName(), each.getValue() ?? '']));
    const data = join(dir, 'data');
    return environment({
      ...set,
      HEADGATE_DATA_DIR: set.HEADGATE_DATA_DIR!.replace('/data', data),
      HEADGATE_CACHE_DIR: set.HEADGATE_CACHE_DIR!.replace('/data', data),
      HOME: join(dir, 'home'),
      TMPDIR: join(dir, 'tmp'),
      HEADGATE_PORT: '0',
      HEADGATE_DEVELOPMENT_KEY: 'anywhere',
    });
  }

  /** A process on a file system of its own, all of it read-only but the data directory and the temporary one. */
  function start(env: Record<string, string> = {}) {
    for (const name of ['data', 'tmp']) mkdirSync(join(dir, name), { recursive: true });
    const mounts = ['data', 'tmp'].map((name) => `mount -t tmpfs -o mode=1777 tmpfs ${join(dir, name)}`);
    const script = [
      'mount --make-rprivate /',
      ...mounts,
      'mount -o remount,bind,ro /',
      `cd ${join(finalStage(), 'app')}`,
      `exec setpriv --reuid ${NODE_USER} --regid ${NODE_USER} --clear-groups node bin/headgate.mjs start`,
    ];
    const child = spawn('unshare', ['--mount', 'sh', '-ec', script.join('\n')], {
      env: { ...imageEnvironment(), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return child;
  }

  function finalStage(): string {
    return [...stages.values()].at(-1) ?? '';
  }

  it('is made of no secret, no history and no installed package of the checkout', () => {
    for (const file of SECRETS) assert.ok(!existsSync(join(context, file)), file);
    for (const root of [...stages.values()]) {
      for (const file of ['app/.headgate', 'app/.git', 'app/.env', 'app/src/.headgate'])
        assert.ok(!existsSync(join(root, file)), file);
    }
    const app = join(finalStage(), 'app');
    for (const file of ['src', 'test', 'node_modules/typescript', 'node_modules/mocha'])
      assert.ok(!existsSync(join(app, file)), file);
    for (const file of ['dist/cli.js', 'dist/workflow-bundle.js', 'examples/flights/tenants/UA.yaml'])
      assert.ok(existsSync(join(app, file)), file);
    // A link to a package that is there.
    assert.ok(lstatSync(join(app, 'node_modules/@headgate/client')).isSymbolicLink());
    assert.ok(existsSync(join(app, 'node_modules/@headgate/client/dist/index.js')));
  });

  it('runs as a user without rights, with process 1 that passes signals on, on the Node that is measured', () => {
    const last = (keyword: string): string | undefined =>
      DOCKERFILE.getInstructions().filter((each) => each.getKeyword() === keyword).at(-1)?.getRawArgumentsContent() ?? undefined; // prettier-ignore
    assert.equal(last('USER'), 'node');
    assert.equal(last('ENTRYPOINT'), '["tini", "--"]');
    for (const from of DOCKERFILE.getFROMs()) assert.match(from.getImage() ?? '', /^node:20-slim$/);
  });

  it('refuses to start without a Temporal, in one line', async () => {
    const child = start();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    assert.equal(((await once(child, 'close')) as [number])[0], 1, stderr);
    assert.match(stderr, /^headgate: headgate start needs TEMPORAL_ADDRESS .*\[CONFIG_INVALID\]\n$/);
  });

  it('starts on a file system that is read-only, and drains at SIGTERM', async () => {
    const child = start({ TEMPORAL_ADDRESS: temporalAddress() });
    let stderr = '';
    try {
      for await (const text of child.stderr.setEncoding('utf8')) {
        stderr += text as string;
        if (/"id":"READY"/.test(stderr)) break;
      }
      assert.match(stderr, /"id":"READY"/);
    } finally {
      child.kill('SIGTERM');
    }
    const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number]) : [child.exitCode];
    assert.equal(code, 0, stderr);
  });

  function copy(from: string, to: string): void {
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  }
});
