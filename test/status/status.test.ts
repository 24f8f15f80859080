import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { HeadgateError } from '../../src/errors.js';
import { statusLines } from '../../src/commands/status-lines.js';
import type { StatusReport } from '../../src/status/report.js';
import { Status, type StatusOptions } from '../../src/status/status.js';
import type { SubscriptionLag } from '../../src/subscriptions/lags.js';
import type { TenantConfig } from '../../src/tenants/config/tenant-config.js';

const NODE = { spool: { bytes: 0, limitBytes: 100, oldestSeconds: 0 }, disks: [], diskReserveBytes: 10 };

/** As the configuration of a tenant has it, as far as a status reads it. */
function tenant(id: string, activitiesPerSecond = 50): TenantConfig {
  return { tenant: id, limits: { activitiesPerSecond } } as TenantConfig;
}

function lag(id: string, more: Partial<SubscriptionLag> = {}): SubscriptionLag {
  return {
    tenant: id,
    subscription: 'crm',
    oldestSeconds: 0,
    batches: 0,
    status: { state: 'active' },
    ...more,
  };
}

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

function failing(seconds: number): Partial<SubscriptionLag> {
  const since = ago(seconds);
  return {
    batches: 1,
    events: 7,
    oldestSeconds: seconds,
    failing: { since, lastError: 'HTTP 500', lastErrorAt: since },
  };
}

describe('the status of all that runs', () => {
  const open: Status[] = [];
  afterEach(() => {
    for (const each of open.splice(0)) each.close();
  });

  function report(
    lags: readonly SubscriptionLag[] | undefined,
    more: Partial<StatusOptions> = {},
    { limit = 50, reach }: { limit?: number; reach?: readonly string[] } = {},
  ): Promise<StatusReport> {
    const known = lags === undefined ? { lags: [] } : { at: Date.now(), lags };
    const ids = new Set(['UA', ...(lags ?? []).map((each) => each.tenant)]);
    const status = new Status({
      lags: { reading: () => Promise.resolve(known) },
      tenants: () => [...ids].map((id) => tenant(id)),
      engine: () => ({ reachableSince: Date.now() }),
      assertOpen: () => undefined,
      node: () => NODE,
      backlogOf: () => ({ bytes: 0 }),
      ...more,
    });
    open.push(status);
    return status.report({ includes: (id) => reach?.includes(id) ?? true, withNode: true, limit });
  }

  const kinds = ({ problems }: StatusReport): string[] => problems.map(({ kind }) => kind);

  it('has the worst first: what concerns all, what needs a person, what has failed longest, what is wanted', async () => {
    const found = await report(
      [
        lag('held', { status: { state: 'paused', by: 'ops', since: ago(9e6) } }),
        lag('short', failing(60)),
        lag('long', failing(7_200)),
        lag('off', { status: { state: 'disabled', by: 'headgate', reason: 'it said 410', since: ago(5) } }),
        lag('open', {
          status: { state: 'breaker-open', by: 'headgate', reason: 'HTTP 503', since: ago(600) },
        }),
        lag('slow', { batches: 2, events: 9, oldestSeconds: 300 }),
      ],
      {
        engine: () => ({ awaySince: Date.now() - 5_000 }),
        assertOpen: () => {
          throw new HeadgateError('DISK_FULL', 'The disk of this node is nearly full.');
        },
      },
    );
    assert.deepEqual(
      found.problems.map(({ kind, tenant: of = 'all' }) => `${of} ${kind}`),
      [
        'all temporal-away',
        'all takes-no-events',
        'off disabled',
        'long failing',
        'open breaker-open',
        'slow behind',
        'short failing',
        'held paused',
      ],
    );
    assert.deepEqual([found.verdict, found.tenantsFailing, found.undelivered.events], ['failing', 5, 23]);
    for (const { page } of found.problems) assert.ok(existsSync(page), page);
    const [, , , long] = found.problems;
    assert.equal(
      long?.what,
      'every delivery fails, for 2 hours — HTTP 500 — 7 events undelivered, the oldest for 2 hours',
    );
  });

  it('is short where there are many tenants, and counts those that were left out', async () => {
    const lags = Array.from({ length: 1_000 }, (_, index) =>
      lag(`t-${index}`, index < 10 ? failing(index + 1) : {}),
    );
    const found = await report(lags, {}, { limit: 3 });
    assert.deepEqual([found.tenants, found.tenantsFailing, found.moreProblems], [1_001, 10, 7]);
    assert.deepEqual(
      found.problems.map((each) => each.tenant),
      ['t-9', 't-8', 't-7'],
    );
    const own = await report(lags, {}, { reach: ['t-3', 't-500'] });
    assert.deepEqual([own.tenants, own.problems.map((each) => each.tenant)], [2, ['t-3']]);
    const lines = statusLines(found, { color: false });
    assert.equal(lines[0], 'Something fails, of 10 of 1,001 tenants.');
    assert.ok(lines.length < 16, lines.join('\n'));
  });

  it('says why loads wait: a quota, a pause, what the warehouse says, or a rate of 0', async () => {
    const loads = (id: string, more: Partial<SubscriptionLag>): SubscriptionLag =>
      lag(id, { subscription: 'warehouse', batches: 3, oldestSeconds: 900, ...more });
    const found = await report(
      [
        loads('quota', { load: { code: 'WAREHOUSE_QUOTA', lastError: 'Project p has used its load jobs.' } }),
        loads('away', { load: { code: 'WAREHOUSE_UNAVAILABLE', lastError: 'no route' } }),
        loads('paused', {
          status: { state: 'paused', by: 'headgate', reason: 'no permission', since: ago(60) },
        }),
        loads('zero', {}),
        loads('open', {}),
      ],
      { tenants: () => [...['quota', 'away', 'paused', 'open'].map((id) => tenant(id)), tenant('zero', 0)] },
    );
    const told = Object.fromEntries(found.problems.map((each) => [each.tenant, each]));
    assert.deepEqual(Object.keys(told).sort(), ['away', 'paused', 'quota', 'zero']);
    assert.match(told.quota?.what ?? '', /has used its load jobs\. — 3 load windows undelivered/);
    assert.equal(told.quota?.page, 'docs/runbook/loads-wait-for-a-quota.md');
    assert.equal(told.paused?.kind, 'paused-by-headgate');
    assert.equal(told.paused?.command, 'headgate subscription resume warehouse --tenant paused');
    assert.deepEqual([told.zero?.level, told.zero?.kind], ['held', 'paused']);
    for (const { page } of found.problems) assert.ok(existsSync(page), page);
  });

  it('says whose events wait in the spool, unless Temporal is away, which says it of all', async () => {
    const backlogOf = (): { bytes: number; oldestAt: number } => ({
      bytes: 2_048,
      oldestAt: Date.now() - 90_000,
    });
    const found = await report([], { backlogOf });
    assert.deepEqual(kinds(found), ['backlog']);
    assert.match(
      found.problems[0]?.what ?? '',
      /^2 KB of events wait in the spool, the oldest for 2 minutes/,
    );
    const away = await report([], { backlogOf, engine: () => ({ awaySince: 0 }) });
    assert.deepEqual([kinds(away), away.backlog.bytes], [['temporal-away'], 2_048]);
  });

  it('says of a subscription that it is slow, or that it costs far more than the others', async () => {
    const since = ago(60);
    const slow = { since, seconds: 4.2, at: ago(1) };
    const expensive = { since, cores: 0.4, at: ago(1) };
    const found = await report([
      lag('slow', { slow, oldestSeconds: 30, batches: 1, events: 3 }),
      lag('both', { failing: failing(5).failing, expensive }),
      lag('costly', { expensive }),
      lag('late', { oldestSeconds: 21, batches: 1 }),
      lag('well', { oldestSeconds: 19, batches: 1 }),
    ]);
    assert.deepEqual(
      found.problems.map(({ tenant: of, kind, level }) => `${of} ${kind} ${level}`),
      ['slow slow failing', 'late behind failing', 'both failing failing', 'costly expensive notice'],
    );
    const [first, , , last] = found.problems;
    assert.match(first?.what ?? '', /^a try takes 4\.2 s on average, for 1 minute — 3 events undelivered/);
    assert.match(last?.what ?? '', /^it takes 0\.4 of a CPU, far more than the others, for 1 minute$/);
    for (const { page } of found.problems) assert.ok(existsSync(page), page);
    const costly = await report([lag('costly', { expensive })]);
    assert.deepEqual([costly.verdict, costly.tenantsFailing], ['well', 0]);
    assert.match(statusLines(costly, { color: false })[1] ?? '', /^note  costly crm  it takes/);
  });

  it("says whose requests are refused, to those who may see that tenant's", async () => {
    const refusals = () => [
      { tenant: 'flood', code: 'TENANT_RATE_LIMITED', perSecond: 12.34, since: Date.now() - 60_000 },
    ];
    const found = await report([lag('flood'), lag('well')], { refusals });
    assert.deepEqual(
      found.problems.map(({ tenant: of, what }) => `${of}: ${what}`),
      ['flood: 12.3 of its requests in a second are refused with TENANT_RATE_LIMITED'],
    );
    const other = await report([lag('flood'), lag('well')], { refusals }, { reach: ['well'] });
    assert.deepEqual([other.verdict, other.problems], ['well', []]);
  });

  it('says how old it is: of all, and of what was asked long before the rest', async () => {
    const now = Date.now();
    const found = await report([
      lag('old', { ...failing(600), askedAt: now - 240_000 }),
      lag('new', { ...failing(60), askedAt: now }),
    ]);
    assert.deepEqual(
      found.problems.map(({ tenant: of, asOf }) => [of, asOf]),
      [
        ['old', new Date(now - 240_000).toISOString()],
        ['new', undefined],
      ],
    );
    assert.equal(found.oldestLookAt, new Date(now - 240_000).toISOString());
    const lines = statusLines(found, { color: false }).join('\n');
    assert.match(lines, /as of 4 minutes ago/);
    assert.match(lines, /looked {7}a moment ago; at each within 4 minutes/);
    const unasked = await report([lag('new', { askedAt: now }), lag('never')]);
    assert.equal(unasked.oldestLookAt, undefined);
    assert.match(statusLines(unasked, { color: false }).join('\n'), /not yet at each subscription/);
  });

  it('says that disks and spool fill', async () => {
    const disks = [
      { name: 'spool', freeBytes: 5 },
      { name: 'state', freeBytes: 50 },
    ];
    const node = { ...NODE, disks, spool: { bytes: 60, limitBytes: 100, oldestSeconds: 0 } };
    const found = await report([], { node: () => node });
    assert.deepEqual(kinds(found), ['disk-nearly-full', 'spool-fills']);
    assert.deepEqual(
      found.problems.map(({ what }) => what),
      ['the disk is nearly full — of spool', 'the spool is 60% full'],
    );
  });

  it('fails of nothing that a person has stopped, and cannot tell before Temporal has answered', async () => {
    const held = lag('UA', { status: { state: 'draining', by: 'ops', since: ago(60) } });
    assert.equal((await report([held])).verdict, 'well');
    const unknown = await report(undefined);
    assert.deepEqual([unknown.verdict, unknown.lookedAt], ['unknown', undefined]);
    assert.match(statusLines(unknown, { color: false })[0] ?? '', /^Cannot be told/);
  });
});
