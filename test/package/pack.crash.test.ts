import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ownEnvironment } from '../support/headgate.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What must not differ between a checkout and an installation. */
const PINNED = ['@swc/core', 'msgpackr-extract', '@duckdb/node-api', '@temporalio/worker'];

interface Packed {
  readonly file: string;
  /** Paths in the package. */
  readonly files: readonly string[];
}

/** Packs a fresh copy of the sources, installs it into an empty folder and runs it there, as its users do. */
describe('the package', function () {
  this.timeout(600_000);
  let dir: string;
  let project: string;
  let packed: Packed;
  let client: Packed;

  /** Without what npm tells the scripts that it runs, this one among them. */
  function npmEnvironment(): NodeJS.ProcessEnv {
    const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD|NODE_ENV)/.test(name));
    return { ...Object.fromEntries(kept), npm_config_prefer_offline: 'true', NO_COLOR: '1' };
  }

  async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(command, args, {
      cwd,
      env: npmEnvironment(),
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  async function pack(source: string, ...args: string[]): Promise<Packed> {
    const stdout = await run(source, 'npm', 'pack', '--json', '--pack-destination', dir, ...args);
    const [{ filename = '' } = {}] = JSON.parse(stdout) as { filename?: string }[];
    const file = join(dir, filename);
    const list = execFileSync('tar', ['tzf', file], { encoding: 'utf8' });
    return { file, files: list.trim().split('\n').map((path) => path.slice('package/'.length)) }; // prettier-ignore
  }

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-pack-'));
    const source = join(dir, 'source');
    const files = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    for (const file of files.split('\0').filter((each) => each !== '' && existsSync(join(ROOT, each)))) {
      mkdirSync(dirname(join(source, file)), { recursive: true });
      cpSync(join(ROOT, file), join(source, file));
    }
    packed = await pack(source);
    client = await pack(source, '--workspace', '@headgate/client');
    project = join(dir, 'project');
    mkdirSync(project);
    await run(project, 'npm', 'init', '-y');
    await run(project, 'npm', 'install', '--no-audit', '--no-fund', packed.file);
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs `npx headgate` in the project. */
  const headgate = (...args: string[]): Promise<string> =>
    run(project, 'npx', '--no', '--', 'headgate', ...args);

  it('has what it needs, no source maps, and no types but those it exports', () => {
    const own = packed.files.filter((file) => !file.startsWith('node_modules/'));
    for (const file of ['bin/headgate.mjs', 'dist/cli.js', 'dist/workflow-bundle.js', 'README.md', 'LICENSE'])
      assert.ok(own.includes(file), file);
    assert.deepEqual(packed.files.filter((file) => file.endsWith('.map')), []); // prettier-ignore
    assert.deepEqual(own.filter((file) => file.endsWith('.d.ts')), ['dist/client/index.d.ts']); // prettier-ignore
    const sources = own.filter((file) => file.endsWith('.js'));
    assert.ok(sources.length > 400);
    for (const file of sources)
      assert.doesNotMatch(installed(file), /^\/\/# sourceMappingURL=(?!data:)/m, file);
  });

  it('leads nowhere by no link of its documents', () => {
    const documents = packed.files.filter((file) => /^(?!node_modules).*\.md$/.test(file));
    let links = 0;
    for (const document of documents)
      for (const [, link = ''] of installed(document).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
        links++;
        const path = join(project, 'node_modules', 'headgate', dirname(document), link);
        assert.ok(existsSync(path), `${document}: ${link}`);
      }
    assert.ok(links >= 5, `only ${links} links were found`);
  });

  it('passes publint, and its types are right (attw), and so do those of the client', async () => {
    for (const { file } of [packed, client]) {
      await run(ROOT, 'npx', '--no', 'publint', 'run', file, '--strict');
      await run(ROOT, 'npx', '--no', 'attw', file, '--profile', 'esm-only');
    }
  });

  it('installs what it was tested with where another version would not do', () => {
    const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    for (const name of PINNED) {
      const { version } = JSON.parse(
        readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8'),
      ) as { version: string };
      assert.equal(version, wanted.packages[`node_modules/${name}`]?.version, name);
    }
  });

  it('explains itself, by examples that are there', async () => {
    const help = await headgate('--help');
    const [, path = ''] = /start --tenants (\S+)/.exec(help) ?? [];
    assert.equal(path, join('node_modules', 'headgate', 'examples', 'flights', 'tenants'));
    assert.match(await headgate('tenant', 'apply', path), /15 tenants: 15 added/);
  });

  it('is examined, starts, takes an event, and ends at SIGTERM', async () => {
    const env = { ...npmEnvironment(), ...(await ownEnvironment(join(project, '.headgate'))) };
    const doctor = await promisify(execFile)('npx', ['--no', 'headgate', 'doctor'], { cwd: project, env });
    assert.match(doctor.stdout, /ok +tenants +15/);
    const bin = join(project, 'node_modules', '.bin', 'headgate');
    const node = spawn(bin, ['start'], { cwd: project, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    try {
      for await (const text of node.stderr.setEncoding('utf8')) {
        log += text as string;
        if (/"id":"READY"/.test(log)) break;
      }
      const url = /"url":"([^"]+)"/.exec(log)?.[1] ?? assert.fail(log);
      const token = await headgate('token', '--tenant', 'UA', '--scope', 'events:write');
      const script = `import { createClient } from 'headgate/client';
        const client = createClient({ url: '${url}', token: '${token.trim()}' });
        const [{ status }] = await client.publish('events', [{ source: '/pack', type: 'flight.arrived' }]);
        process.stdout.write(status);`;
      assert.equal(await run(project, process.execPath, '--input-type=module', '-e', script), 'accepted');
    } finally {
      node.kill('SIGTERM');
    }
    const [code] = node.exitCode === null ? ((await once(node, 'exit')) as [number]) : [node.exitCode];
    assert.equal(code, 0, log);
  });

  it('has the client for modules and for require, and so has the package of the client alone', async () => {
    const alone = join(dir, 'alone');
    mkdirSync(alone);
    await run(alone, 'npm', 'init', '-y');
    await run(alone, 'npm', 'install', '--no-audit', '--no-fund', client.file);
    for (const [folder, name] of [
      [project, 'headgate/client'],
      [alone, '@headgate/client'],
    ] as const) {
      const names = 'console.log(Object.keys(client).sort().join())';
      const exported = 'HeadgateError,createClient,sendLines,verifyWebhook\n';
      assert.equal(
        await run(folder, process.execPath, '-e', `const client = require('${name}'); ${names}`),
        exported,
      );
      const module = `import * as client from '${name}'; ${names}`;
      assert.equal(await run(folder, process.execPath, '--input-type=module', '-e', module), exported);
    }
    const packages = readdirSync(join(alone, 'node_modules')).filter((name) => !name.startsWith('.'));
    assert.deepEqual(packages, ['@headgate', 'is-network-error', 'p-retry']);
  });

  function installed(file: string): string {
    return readFileSync(join(project, 'node_modules', 'headgate', file), 'utf8');
  }
});
