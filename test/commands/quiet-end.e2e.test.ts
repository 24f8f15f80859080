import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FLIGHTS } from '../support/flights.js';
import { killAll, ownEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';

const BIN = fileURLToPath(new URL('../../bin/headgate.mjs', import.meta.url));
/** 128 + SIGPIPE, as of any program whose reader has gone. */
const READER_GONE = 141;

const CLOUD_EVENT = {
  specversion: '1.0',
  id: 'q1',
  source: '/quiet',
  type: 'flight.departed',
  subject: 'N1',
};

/** Runs what is in dist. */
describe('a command whose reader has gone, as after `| head`,', function () {
  this.timeout(120_000);
  let dir: string;
  let env: Record<string, string>;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-quiet-'));
    env = { ...(await ownEnvironment(join(dir, 'data'))) };
    writeFileSync(join(dir, 'event.ndjson'), `${JSON.stringify(CLOUD_EVENT)}\n`);
    const node = spawnHeadgate(['start', '--tenants', join(FLIGHTS, 'tenants')], env);
    env.HEADGATE_PORT = new URL((await node.ready()).url).port;
  });
  after(async () => {
    await killAll();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Runs a command whose standard output nobody reads. */
  async function unread(
    args: readonly string[],
    more: object = {},
  ): Promise<{ code: number; stderr: string }> {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { PATH, HOME, NO_COLOR: '1', ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number];
    return { code, stderr };
  }

  const event = (): string => join(dir, 'event.ndjson');
  const commands: readonly (readonly [name: string, args: () => string[]])[] = [
    ['send', () => ['send', event(), '--tenant', 'UA', '--stream', 'events']],
    ['tenant apply', () => ['tenant', 'apply', join(FLIGHTS, 'tenants')]],
    ['tenant list', () => ['tenant', 'list']],
    ['tenant versions', () => ['tenant', 'versions', 'UA']],
    ['token', () => ['token', '--tenant', 'UA', '--scope', 'admin']],
    ['replay', () => ['replay', '--tenant', 'UA', '--dry-run']],
    ['replay list', () => ['replay', 'list', '--tenant', 'UA']],
    ['route', () => ['route', '--tenant', 'UA', '--explain', event()]],
    ['schema', () => ['schema', 'UA']],
    ['schema --infer', () => ['schema', 'UA', '--infer']],
    ['subscription list', () => ['subscription', 'list', '--tenant', 'UA']],
    ['subscription show', () => ['subscription', 'show', 'warehouse', '--tenant', 'UA']],
    ['dead-letters list', () => ['dead-letters', 'list', '--tenant', 'UA']],
    ['query', () => ['query', 'UA', 'FROM range(10)']],
    ['query --format', () => ['query', 'UA', 'FROM range(300000)', '--format', 'csv']],
    ['query --views', () => ['query', 'UA', '--views']],
    ['compact', () => ['compact', 'UA']],
    ['audit', () => ['audit', '--tenant', 'UA']],
    ['doctor', () => ['doctor']],
    ['demo', () => ['demo', '--exit']],
  ];
  for (const [name, args] of commands)
    it(`ends quietly: ${name}`, async () => {
      // A demo beside the node needs ports, and a data directory, of its own.
      const more = name === 'demo' ? await ownEnvironment(join(dir, 'demo')) : {};
      const { code, stderr } = await unread(args(), more);
      assert.equal(code, READER_GONE, stderr);
      assert.doesNotMatch(stderr, /EPIPE|^\s+at /m);
    });

  it('drains and ends: start, when nobody reads its log', async () => {
    const own = await ownEnvironment(join(dir, 'start'));
    const line = `"$0" "$1" start 2>&1 | head -1; echo ended`;
    const { PATH = '', HOME = '' } = process.env;
    const shell = spawn('sh', ['-c', line, process.execPath, BIN], { env: { PATH, HOME, ...own } });
    let output = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(shell, 'close');
    const lines = output.trimEnd().split('\n');
    assert.equal(lines.length, 2, output);
    assert.equal(lines[1], 'ended');
    // Its Temporal server has ended with it: another node can start there at once.
    const { stdout } = await runHeadgate(['doctor'], own);
    assert.match(stdout, /temporal +not running/);
  });
});
