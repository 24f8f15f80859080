import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { FLIGHTS } from '../support/flights.js';
import { killAll, ownEnvironment, runHeadgate, sharedTemporal, spawnHeadgate } from '../support/headgate.js';

const COMMANDS = [
  ['start'],
  ['demo'],
  ['api'],
  ['worker'],
  ['tenant'],
  ['tenant', 'apply'],
  ['tenant', 'list'],
  ['tenant', 'erase'],
  ['tenant', 'remove'],
  ['batch-key'],
  ['batch-key', 'rotate'],
  ['batch-key', 'rewrap'],
  ['token'],
  ['send'],
  ['query'],
  ['schema'],
  ['schema', 'check'],
  ['rules'],
  ['rules', 'errors'],
  ['compact'],
  ['doctor'],
];

describe('the commands', function () {
  this.timeout(60_000);
  let dir: string;
  let env: Record<string, string>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-cli-'));
    env = { ...(await ownEnvironment(dir)) };
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  const run = (...args: string[]) => runHeadgate(args, env);

  /** Asserts that a command is refused with a message and without a stack trace. */
  async function assertRefused(args: readonly string[], message: RegExp, more: object = {}): Promise<void> {
    const { code, stdout, stderr } = await runHeadgate(args, { ...env, ...more });
    assert.equal(code, 1, `${args.join(' ')}: ${stdout}${stderr}`);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^\s+at /m);
  }

  it('explain themselves, with examples', async () => {
    const helps = await Promise.all([[], ...COMMANDS].map((command) => run(...command, '--help')));
    helps.forEach(({ code, stdout }, index) => {
      const name = ['headgate', ...(COMMANDS[index - 1] ?? [])].join(' ');
      assert.equal(code, 0, name);
      assert.match(stdout, new RegExp(`Usage: ${name}`));
      assert.match(stdout, new RegExp(`Examples?:\n(.*\n)*  \\$ .*headgate`), name);
    });
  });

  it('refuse what there is not, and say what there is', async () => {
    await assertRefused(['bogus'], /unknown command 'bogus'/);
    await assertRefused(['tokn'], /Did you mean token\?/);
    await assertRefused(['start', '--bogus'], /unknown option '--bogus'/);
    await assertRefused([], /Usage: headgate/);
  });

  it('name every variable that is wrong', async () => {
    const wrong = { HEADGATE_PORT: 'abc', HEADGATE_ACK: 'never' };
    await assertRefused(['start'], /HEADGATE_PORT must be .*\n.*HEADGATE_ACK must be/, wrong);
    await assertRefused(['api'], /needs TEMPORAL_ADDRESS/);
    await assertRefused(['worker'], /needs TEMPORAL_ADDRESS/);
  });

  it('refuse a token for what cannot be', async () => {
    const token = (tenant: string, scope: string, expires: string) => [
      'token',
      '--tenant',
      tenant,
      '--scope',
      scope,
      '--expires',
      expires,
    ];
    await assertRefused(token('UA', 'events:delete', '1h'), /Unknown scope "events:delete".*events:write/);
    await assertRefused(token('../UA', 'admin', '1h'), /TENANT_ID_INVALID/);
    await assertRefused(token('UA', 'admin', 'soon'), /"soon" is not a duration/);
    await assertRefused(
      token('UA', 'admin', '100 years'),
      /366 days at most, not "100 years".*CONFIG_INVALID/,
    );
    for (const subject of ['', 'two\nlines', 'x'.repeat(201)])
      await assertRefused(
        [...token('UA', 'admin', '1h'), '--subject', subject],
        /--subject is .*CONFIG_INVALID/,
      );
  });

  it('name in a token who is to use it', async () => {
    const { stdout } = await run('token', '--operator', '--subject', 'Ana Lüd', '--scope', 'status:read');
    const { sub, role } = decodeJwt(stdout.trim());
    assert.deepEqual({ sub, role }, { sub: 'Ana Lüd', role: 'operator' });
  });

  it('warn of a token that a key set of your own knows nothing of', async () => {
    const args = ['token', '--tenant', 'UA', '--scope', 'events:write'];
    const { code, stdout, stderr } = await runHeadgate(args, {
      ...env,
      HEADGATE_JWKS: 'https://issuer.example/jwks',
    });
    assert.equal(code, 0);
    assert.match(stdout, /^eyJ[\w.-]+\n$/);
    assert.match(stderr, /HEADGATE_JWKS is set/);
    assert.doesNotMatch((await run(...args)).stderr, /HEADGATE_JWKS/);
  });

  it('refuse a file that is not there, and a stream that is none', async () => {
    const send = (file: string, stream: string) => ['send', file, '--tenant', 'UA', '--stream', stream];
    await assertRefused(send(join(dir, 'none.ndjson'), 'events'), /There is no file/);
    await assertRefused(send(join(dir, 'none.ndjson'), 'decisions'), /Allowed choices are events, user-prop/);
  });

  it('refuse a query that is not a plain read, and a tenant that is none', async () => {
    await assertRefused(['query', 'UA', 'DROP TABLE events'], /QUERY_REFUSED/);
    await assertRefused(['query', '../UA', 'SELECT 1'], /TENANT_ID_INVALID/);
  });

  it('apply tenants all together or not at all, with the place of every problem', async () => {
    const files = join(dir, 'new');
    await mkdir(files);
    await writeFile(join(files, 'good.yaml'), 'tenant: good\n');
    await writeFile(
      join(files, 'bad.yaml'),
      'tenant: bad\nrules:\n  - name: r\n    on: [x]\n    when: event.(\n',
    );
    await assertRefused(['tenant', 'apply', files], /bad\.yaml:5:\d+: /);
    assert.deepEqual(await readdir(join(dir, 'tenants')).catch(() => []), []);
    await rm(join(files, 'bad.yaml'));
    assert.match((await run('tenant', 'apply', files)).stdout, /good added/);
    assert.match((await run('tenant', 'apply', join(FLIGHTS, 'tenants'))).stdout, /15 tenants: 15 added/);
    assert.match((await run('tenant', 'apply', join(FLIGHTS, 'tenants'))).stdout, /15 unchanged/);
    const { stdout } = await run('tenant', 'list');
    assert.match(
      stdout,
      /^UA +dedicated +compensation, swap_aircraft, large_aircraft_late +late_departures$/m,
    );
    await assertRefused(['tenant', 'apply', join(dir, 'none')], /there is no such file or directory/);
  });

  it('say which port is taken, and how to take another', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => taken.once('listening', resolve));
      const port = String((taken.address() as AddressInfo).port);
      const shared = await sharedTemporal();
      await assertRefused(['start'], new RegExp(`${port}[ ,].*HEADGATE_PORT`), {
        ...shared,
        HEADGATE_PORT: port,
      });
      await assertRefused(['start'], new RegExp(`${port}[ ,].*HEADGATE_TEMPORAL_PORT`), {
        HEADGATE_TEMPORAL_PORT: port,
      });
      const { code, stdout } = await runHeadgate(['doctor'], { ...env, HEADGATE_PORT: port });
      assert.equal(code, 1);
      assert.match(stdout, new RegExp(`fail +port ${port} +in use.*\n +→ .*HEADGATE_PORT`));
    } finally {
      taken.close();
    }
  });

  it('examine what Headgate needs', async () => {
    const { code, stdout } = await run('doctor', '--json');
    assert.equal(code, 0, stdout);
    const findings = JSON.parse(stdout) as { check: string; verdict: string; mend?: string }[];
    const checks = findings.map(({ check }) => check.replace(/\d+/, 'N'));
    for (const check of [
      'node',
      'data directory',
      'disk',
      'port N',
      'temporal',
      'clock',
      'tenants',
      'keys',
      'batch key',
    ])
      assert.ok(checks.includes(check), check);
    for (const { check, verdict, mend } of findings) assert.ok(verdict === 'ok' || mend !== undefined, check);
    const away = { ...env, TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const without = await runHeadgate(['doctor'], away);
    assert.equal(without.code, 1);
    assert.match(without.stdout, /fail +temporal .*127\.0\.0\.1:1.*\n +→ .*TEMPORAL_ADDRESS/);
  });

  it('end at once and well when told to stop while they start', async () => {
    const starting = spawnHeadgate(['start'], env);
    await new Promise((resolve) => setTimeout(resolve, 700));
    const { code, signal, stderr } = await starting.signal('SIGTERM');
    assert.ok(code === 0 || signal === 'SIGTERM' || code === 143, `${code} ${signal} ${stderr}`);
  });
});
