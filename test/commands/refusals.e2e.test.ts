import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FLIGHTS } from '../support/flights.js';
import { runHeadgate } from '../support/headgate.js';
import { mountSmallDisk, newMountPoint, skipWithoutMounts, type SmallDisk } from '../support/small-disk.js';

const BIN = fileURLToPath(new URL('../../bin/headgate.mjs', import.meta.url));
/** Nobody's. Root may write everywhere and open every port. */
const OTHER_USER = 65_534;
/** A Temporal that no refused command gets to. */
const NOT_ASKED = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

const ROLES = [['start'], ['start', '--tenants', join(FLIGHTS, 'tenants')], ['api'], ['worker'], ['demo']];
const OTHERS = [
  ['token', '--tenant', 'UA', '--scope', 'admin'],
  ['send', join(FLIGHTS, 'flights.ndjson.gz'), '--tenant', 'UA', '--stream', 'events'],
  ['tenant', 'apply', join(FLIGHTS, 'tenants')],
  ['tenant', 'list'],
  ['tenant', 'versions', 'UA'],
  ['tenant', 'erase', 'UA', '--yes'],
  ['batch-key', 'rotate', 'UA'],
  ['batch-key', 'rewrap'],
  ['query', 'UA', 'SELECT 1'],
  ['schema', 'UA'],
  ['schema', 'UA', '--infer'],
  ['compact', 'UA'],
  ['audit'],
  ['audit', '--tenant', 'UA'],
  ['replay', 'list', '--tenant', 'UA'],
  ['subscription', 'list', '--tenant', 'UA'],
  ['dead-letters', 'list', '--tenant', 'UA'],
  ['doctor'],
];

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs what is in dist. */
describe('what Headgate may not do', function () {
  this.timeout(120_000);
  let dir: string;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-refusals-'));
    chmodSync(dir, 0o755);
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs a command as a user who is not root. */
  async function runAsOther(args: readonly string[], env: object): Promise<Ended> {
    const { PATH = '' } = process.env;
    const other = process.getuid?.() === 0 ? { uid: OTHER_USER, gid: OTHER_USER } : {};
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { PATH, HOME: dir, NO_COLOR: '1', HEADGATE_PORT: '0', ...env },
      ...other,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  }

  /** One line that says what to do, and ends with its code. */
  function assertOneLine({ code, output }: Ended, message: RegExp, what: string): void {
    assert.equal(code, 1, `${what}: ${output}`);
    assert.match(output, message, what);
    assert.equal(output.trimEnd().split('\n').length, 1, `${what}: ${output}`);
  }

  for (const args of ROLES)
    it(`is one line: headgate ${args[0]} on a directory of another user`, async () => {
      const dataDir = join(dir, 'closed', 'data');
      mkdirSync(join(dir, 'closed'), { recursive: true, mode: 0o555 });
      const ended = await runAsOther(args, { HEADGATE_DATA_DIR: dataDir, ...NOT_ASKED });
      const user = process.getuid?.() === 0 ? OTHER_USER : process.getuid?.();
      const message = new RegExp(
        `^headgate: The data directory ${dataDir} cannot be written \\(EACCES\\)\\. Let user ${user} .*HEADGATE_DATA_DIR.*\\[DATA_DIR_UNWRITABLE\\]$`,
        'm',
      );
      assertOneLine(ended, message, args.join(' '));
    });

  it('has no stack: any other command on a directory of another user', async () => {
    const dataDir = join(dir, 'others');
    for (const part of ['tenants', 'warehouse/UA', 'keys'])
      mkdirSync(join(dataDir, part), { recursive: true });
    writeFileSync(join(dataDir, 'tenants', 'UA.yaml'), 'tenant: UA\n');
    for (const part of ['tenants', 'warehouse', 'keys', '']) chmodSync(join(dataDir, part), 0o700);
    const batchKey = { HEADGATE_BATCH_KEY: Buffer.alloc(32, 1).toString('base64') };
    for (const args of OTHERS) {
      const { output } = await runAsOther(args, { HEADGATE_DATA_DIR: dataDir, ...batchKey });
      assert.doesNotMatch(output, /^\s+at /m, args.join(' '));
      assert.doesNotMatch(output, /^headgate: (?!.*\[[A-Z_]+\]$).*E[A-Z]{4,}/m, args.join(' '));
      if (args[0] === 'query') assert.match(output, /Let user .*HEADGATE_DATA_DIR.*\[QUERY_FAILED\]$/m);
    }
  });

  it('is one line: a port that only root may open, or that is in use, or an address of another machine', async () => {
    const dataDir = join(dir, 'free');
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o777);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const refusals: [object, RegExp][] = [
      [{ HEADGATE_PORT: '80' }, /^headgate: Port 80 may not be opened .*HEADGATE_PORT.*\[PORT_REFUSED\]$/m],
      [{ HEADGATE_PORT: String(port) }, /^headgate: Port \d+.* in use .*HEADGATE_PORT.*\[PORT_IN_USE\]$/m],
      [
        { HEADGATE_PORT: '8080', HEADGATE_HOST: '192.0.2.1', HEADGATE_DEVELOPMENT_KEY: 'anywhere' },
        /^headgate: 192\.0\.2\.1 is not an address of this machine .*HEADGATE_HOST.*\[PORT_REFUSED\]$/m,
      ],
    ];
    for (const [env, message] of refusals)
      for (const role of ['start', 'api']) {
        const ended = await runAsOther([role], {
          HEADGATE_DATA_DIR: dataDir,
          ...NOT_ASKED,
          ...env,
        });
        assertOneLine(ended, message, role);
      }
    taken.close();
  });

  it('is a warning: a misspelt variable, and a token for a tenant that is not configured', async () => {
    const env = { HEADGATE_DATA_DIR: join(dir, 'typos'), PATH: process.env.PATH ?? '' };
    mkdirSync(join(env.HEADGATE_DATA_DIR, 'tenants'), { recursive: true });
    writeFileSync(join(env.HEADGATE_DATA_DIR, 'tenants', 'rental.yaml'), 'tenant: rental\n');
    const token = (tenant: string, more: object = {}) =>
      runHeadgate(['token', '--tenant', tenant, '--scope', 'admin'], { ...env, ...more });
    const misspelt = await token('rental', { HEADGATE_PROT: '1', HEADGATE_SECRET_CRM: 'x' });
    assert.equal(misspelt.code, 0);
    assert.equal(
      misspelt.stderr,
      'headgate: HEADGATE_PROT is not a setting, and is ignored. Did you mean HEADGATE_PORT?\n',
    );
    const unknown = await token('renta');
    assert.match(unknown.stdout, /^ey/);
    assert.match(unknown.stderr, /^headgate: tenant renta is not configured .*Did you mean rental\?\n$/);
    assert.equal((await token('rental')).stderr, '');
    for (const command of [
      ['query', 'renta', 'SELECT 1'],
      ['compact', 'renta'],
    ]) {
      const { code, stderr } = await runHeadgate(command, env);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^headgate: tenant renta .* nothing of it here\. Did you mean rental\?\n$/);
    }
  });

  it('is one line: headgate start without a Temporal, where it may not run its own', async () => {
    for (const command of ['start', 'demo']) {
      const env = { HEADGATE_DATA_DIR: join(dir, 'none'), HEADGATE_EMBEDDED_TEMPORAL: 'off' };
      const ended = await runAsOther([command], env);
      assertOneLine(ended, /^headgate: .* needs TEMPORAL_ADDRESS .*\[CONFIG_INVALID\]$/m, command);
    }
  });

  describe('on a disk that is read-only', () => {
    let disk: SmallDisk;
    let path: string;

    before(function () {
      skipWithoutMounts(this);
      path = newMountPoint();
      disk = mountSmallDisk(path, 8);
      mkdirSync(join(path, 'there', 'tenants'), { recursive: true });
      writeFileSync(join(path, 'there', 'tenants', 'UA.yaml'), 'tenant: UA\n');
      execFileSync('mount', ['-o', 'remount,ro', path]);
    });
    after(() => disk?.unmount());

    it('is one line: a node, in a directory that is there or is not', async () => {
      for (const name of ['there', 'new'])
        for (const args of ROLES) {
          const { code, stdout, stderr } = await runHeadgate(args, {
            HEADGATE_DATA_DIR: join(path, name),
            ...NOT_ASKED,
          });
          const message =
            /^headgate: .* cannot be written \(the disk is read-only.*\[DATA_DIR_UNWRITABLE\]$/m;
          assertOneLine({ code: code ?? -1, output: stdout + stderr }, message, `${args[0]} in ${name}`);
        }
    });

    it('has no stack: any other command', async () => {
      for (const args of OTHERS) {
        const { stdout, stderr } = await runHeadgate(args, { HEADGATE_DATA_DIR: join(path, 'there') });
        assert.doesNotMatch(stdout + stderr, /^\s+at /m, args.join(' '));
      }
    });
  });
});
