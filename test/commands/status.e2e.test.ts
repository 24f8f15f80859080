import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../../packages/client/src/index.js';
import { signToken, type TokenClaims } from '../../src/keys/key-set.js';
import type { Problem, StatusReport } from '../../src/status/report.js';
import { assertDocumented } from '../support/documented.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate, type Finished } from '../support/headgate.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { temporalAddress } from '../support/temporal.js';
import { layWire, type Wire } from '../support/cut-wire.js';
import { until } from '../support/until.js';

const WITHIN_MS = 60_000;
const CLAIMS = {
  issuer: 'headgate',
  audience: 'headgate',
  expiresInSeconds: 600,
  subject: 'ops@example.com',
};
const SAID = 'no space\u001b[31m left';

describe('headgate status', function () {
  this.timeout(180_000);
  let dir: string;
  let env: Readonly<Record<string, string>>;
  let receiver: Receiver;
  let wire: Wire;
  let url: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-status-'));
    receiver = await startReceiver(() => ({ status: 500, body: SAID }));
    wire = await layWire(Number(temporalAddress().split(':')[1]));
    mkdirSync(join(dir, 'tenants'));
    const crm = { name: 'crm', kind: 'push', url: receiver.url };
    const routes = [{ match: { type: 'order.paid' }, to: ['crm'] }];
    write('fails', { subscriptions: [crm], routes });
    write('held', { subscriptions: [crm], routes });
    write('well', {});
    env = {
      ...(await nodeEnvironment(dir)),
      TEMPORAL_ADDRESS: `127.0.0.1:${wire.port}`,
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
    };
    ({ url } = await spawnHeadgate(['start'], env).ready());
  });
  after(async () => {
    await killAll();
    await wire.close();
    await receiver.down();
    await rm(dir, { recursive: true, force: true });
  });

  function write(tenant: string, config: object): void {
    writeFileSync(join(dir, 'tenants', `${tenant}.yaml`), JSON.stringify({ tenant, ...config }));
  }

  async function read(of: Partial<TokenClaims>, query = '', named?: string): Promise<StatusReport> {
    const token = await signToken(dir, { ...CLAIMS, scope: 'status:read', ...of });
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (named !== undefined) headers['headgate-tenant'] = named;
    const response = await fetch(`${url}/v1/status${query}`, { headers });
    const text = await response.text();
    const contentType = response.headers.get('content-type');
    assertDocumented({ method: 'GET', path: '/v1/status', status: response.status, contentType, text });
    assert.equal(response.status, 200, text);
    return JSON.parse(text) as StatusReport;
  }

  async function ask(tenant: string, method: string, path: string, body?: object): Promise<void> {
    const token = await signToken(dir, { ...CLAIMS, scope: 'admin', tenant });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
    assert.ok(response.ok, await response.text());
  }

  let sent = 0;
  const send = (tenant: string): Promise<void> =>
    ask(tenant, 'POST', '/v1/events', {
      specversion: '1.0',
      id: `o-${sent++}`,
      source: '/shop',
      type: 'order.paid',
      subject: 'c',
      data: {},
    });

  const cli = (...args: string[]): Promise<Finished> =>
    runHeadgate(['status', ...args, '--url', url], { HEADGATE_DATA_DIR: dir });

  const summary = ({ tenant, subscription, kind, level }: Problem): string =>
    [level, kind, tenant, subscription].filter(Boolean).join(' ');

  it('says that all is well, and ends with 0', async () => {
    const { code, stdout, stderr } = await until(async () => {
      const ended = await cli();
      assert.equal(ended.code, 0, ended.stdout + ended.stderr);
      return ended;
    }, WITHIN_MS);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^All is well, of 3 tenants\.\ntemporal {5}answers, for .*\nundelivered {2}nothing\n/,
    );
    assert.match(stdout, /\nspool {8}.* of 4 GB\ndisk {9}.* free, .*\nlooked/);
  });

  it('says what fails since when in the words of the receiver, the worst first, and what a person has stopped', async () => {
    await ask('held', 'POST', '/v1/subscriptions/crm/pause', { reason: 'the CRM moves' });
    await send('fails');
    await send('held');
    const report = await until(async () => {
      const found = await read({ role: 'operator' });
      assert.deepEqual(found.problems.map(summary), ['failing failing fails crm', 'held paused held crm']);
      assert.equal(found.undelivered.events, 2);
      return found;
    }, WITHIN_MS);
    const { problems, verdict, tenants, tenantsFailing, node } = report;
    assert.deepEqual([verdict, tenants, tenantsFailing], ['failing', 3, 1]);
    const [failing, held] = problems as [Problem, Problem];
    assert.match(failing.lastError ?? '', /^HTTP 500 .*no space/);
    assert.ok(Date.parse(failing.since ?? '') > Date.now() - WITHIN_MS);
    assert.equal(failing.undelivered?.events, 1);
    assert.equal(failing.command, 'headgate subscription show crm --tenant fails');
    assert.match(held.what, /^paused by ops@example.com, for .* — the CRM moves — 1 event undelivered/);
    assert.ok((node?.spool.limitBytes ?? 0) > 0 && (node?.disks.length ?? 0) === 4);
    assert.ok(Date.parse(report.at) - Date.parse(report.lookedAt ?? '') < 15_000);

    const { code, stdout } = await cli();
    assert.equal(code, 1);
    const [head, first, goOn, second] = stdout.split('\n');
    assert.equal(head, 'Something fails, of 1 of 3 tenants.');
    assert.match(first ?? '', /^fail {2}fails crm {2}every delivery fails, for .* — HTTP 500 .*no space/);
    assert.match(
      goOn ?? '',
      /→ headgate subscription show crm --tenant fails {2}or {2}docs\/runbook\/subscription-failing\.md$/,
    );
    assert.match(second ?? '', /^held {2}held crm {3}paused by/);
    // What a receiver says is never a command to a terminal.
    assert.doesNotMatch(stdout, /\u001b/);
  });

  it('tells a tenant of its own alone, and an operator of those that its token lists', async () => {
    const well = await read({ tenant: 'well' });
    assert.deepEqual([well.verdict, well.tenants, well.subscriptions], ['well', 1, 1]);
    assert.doesNotMatch(JSON.stringify(well), /crm|fails|held|disks/);
    assert.equal(well.undelivered.events, 0);
    const held = await read({ tenant: 'held' });
    assert.deepEqual([held.verdict, held.problems.map(summary)], ['well', ['held paused held crm']]);
    const listed = await read({ role: 'operator', tenants: ['well', 'held'] });
    assert.deepEqual([listed.verdict, listed.tenants, listed.undelivered.events], ['well', 2, 1]);
    assert.doesNotMatch(JSON.stringify(listed), /"fails"/);
    const named = await read({ role: 'operator' }, '', 'fails');
    assert.deepEqual([named.tenants, named.problems.map(summary)], [1, ['failing failing fails crm']]);
    const none = await read({ role: 'operator' }, '?limit=1');
    assert.deepEqual([none.problems.length, none.moreProblems], [1, 1]);
    assert.equal((await cli('--tenant', 'held')).code, 0);
  });

  it('is read by the client', async () => {
    const token = await signToken(dir, { ...CLAIMS, scope: 'status:read', role: 'operator' });
    const { verdict, problems } = await createClient({ url, token }).status();
    assert.deepEqual([verdict, problems[0]?.kind], ['failing', 'failing']);
  });

  it('says since when Temporal is away, and keeps for a while what it knew of the rest', async () => {
    wire.deafen();
    const report = await until(async () => {
      const found = await read({ role: 'operator' });
      assert.equal(found.temporal.reachable, false);
      return found;
    }, WITHIN_MS);
    const [worst, ...kept] = report.problems.map(summary);
    assert.deepEqual([report.verdict, worst], ['failing', 'failing temporal-away']);
    assert.ok(kept.includes('failing failing fails crm'), kept.join());
    assert.ok(report.lookedAt! < report.at, `${report.lookedAt} is before ${report.at}`);
    const { code, stdout } = await cli();
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^Something fails for all of 3 tenants\.\nfail {2}all tenants {2}Temporal does not answer, for /,
    );
    assert.match(stdout, /→ headgate doctor {2}or {2}docs\/runbook\/temporal-away\.md\n/);
    assert.match(stdout, /\nundelivered {2}\d/);
    wire.cut();
    await until(async () => {
      const found = await read({ role: 'operator' });
      assert.equal(found.temporal.reachable, true);
      assert.equal(found.problems[0]?.kind, 'failing');
    }, WITHIN_MS);
  });

  it('says that no events are taken while the disk is nearly full, to a tenant without figures', async () => {
    const full = await mkdtemp(join(tmpdir(), 'headgate-status-full-'));
    mkdirSync(join(full, 'tenants'));
    writeFileSync(join(full, 'tenants', 'well.yaml'), JSON.stringify({ tenant: 'well' }));
    const node = spawnHeadgate(['start'], {
      ...(await nodeEnvironment(full)),
      HEADGATE_MIN_FREE_DISK: '9000000GB',
    });
    const { url: at } = await node.ready();
    const shown = await until(async () => {
      const ended = await runHeadgate(['status', '--url', at], { HEADGATE_DATA_DIR: full });
      assert.equal(ended.code, 1, ended.stdout + ended.stderr);
      return ended.stdout;
    }, WITHIN_MS);
    assert.match(
      shown,
      /^Something fails for all of 1 tenant\.\nfail {2}all tenants {2}no events are taken — The disk/,
    );
    assert.match(
      shown,
      /\nfail {2}all tenants {2}the disk is nearly full — of spool, batches, state, warehouse\n/,
    );
    assert.match(shown, /docs\/runbook\/doctor-disk\.md/);
    const own = await runHeadgate(['status', '--url', at, '--tenant', 'well'], { HEADGATE_DATA_DIR: full });
    assert.equal(own.code, 1);
    assert.doesNotMatch(own.stdout, /\d [KMGT]B/);
    await node.end();
    await rm(full, { recursive: true, force: true });
  });

  it('ends with 2 where nobody answers, or the token is not for it', async () => {
    const nobody = await runHeadgate(['status', '--url', 'http://127.0.0.1:9'], { HEADGATE_DATA_DIR: dir });
    assert.deepEqual([nobody.code, nobody.stdout], [2, '']);
    assert.match(nobody.stderr, /does not answer/);
    const token = await signToken(dir, { ...CLAIMS, scope: 'batches:read', tenant: 'well' });
    const refused = await runHeadgate(['status', '--watch', '--url', url], {
      HEADGATE_DATA_DIR: dir,
      HEADGATE_TOKEN: token,
    });
    assert.deepEqual([refused.code, refused.stdout], [2, '']);
    assert.match(refused.stderr, /SCOPE_MISSING/);
  });
});
