import assert from 'node:assert/strict';
import { createMetrics } from '../../src/observability/create-metrics.js';
import type { Metrics } from '../../src/observability/metrics.js';
import type { SubscriptionState } from '../../src/subscriptions/status.js';

/** The values of a metric by its labels, as a scrape says them. */
async function valuesOf(metrics: Pick<Metrics, 'scrape'>, name: string): Promise<Record<string, number>> {
  const { text } = await metrics.scrape();
  return valuesIn(text, name);
}

function valuesIn(text: string, name: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return Object.fromEntries(
    lines.map((line) => {
      const [, labels = '', value] = /^[a-z_]+(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      return [labels, Number(value)];
    }),
  );
}

const BATCH = { batchId: '20261130-00000000-0000000001', receivedAt: Date.now() - 2_000 };
const DECIDED = { decided: 30, eligible: { late: 4 }, ineligible: { late: 26 } };
/** A batch of 10 events of 310 s ago, and 20 of 100 s ago. */
const started = () => ({
  stream: 'events' as const,
  batchId: BATCH.batchId,
  events: 30,
  bytes: 5_000,
  chunks: [
    { events: 10, receivedAt: Date.now() - 310_000 },
    { events: 20, receivedAt: Date.now() - 100_000 },
  ],
});

const ACTIVE = { state: 'active' };
const REQUEST = { accepted: 3, duplicate: 2, rejected: 1, bytes: 1_000, seconds: 0.004 };

describe('metrics', () => {
  it('are called by their types: counters alone end in _total', async () => {
    const { text } = await createMetrics().scrape();
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => ({ name, type }));
    assert.ok(types.length > 40, `${types.length}`);
    for (const { name, type } of types) assert.equal(name.endsWith('_total'), type === 'counter', name);
  });

  it('count what they are told, exactly', async () => {
    const metrics = createMetrics();
    for (let n = 0; n < 10; n++) metrics.requestAnswered('UA', REQUEST);
    metrics.requestAnswered('DL', { ...REQUEST, duplicate: 0, rejected: 0 });
    metrics.refused('UA', 'TENANT_RATE_LIMITED');
    metrics.batchStarted('UA', started());
    metrics.decided('UA', DECIDED, 0.02);
    metrics.spooled({ tenant: 'UA', events: 30, receivedAt: Date.now() - 40 });
    metrics.loaded('UA', { seconds: 0.3, rows: 30, batches: [{ ...BATCH, rows: 30 }] });
    metrics.loaded('UA', { seconds: 0.3 });
    metrics.compacted('UA', { replaced: 20, written: 2, bytesReplaced: 9_000, bytesWritten: 8_000 });
    metrics.compacted('UA');
    metrics.stepRetried('start', 'UA');
    metrics.stepRetried('checkpoint');
    metrics.worked('UA', 1_500);
    const expected: Record<string, Record<string, number>> = {
      headgate_events_total: {
        'tenant="UA",outcome="accepted"': 30,
        'tenant="UA",outcome="duplicate"': 20,
        'tenant="UA",outcome="rejected"': 10,
        'tenant="DL",outcome="accepted"': 3,
      },
      headgate_received_bytes_total: { 'tenant="UA"': 10_000, 'tenant="DL"': 1_000 },
      headgate_ack_seconds_count: { '': 11 },
      headgate_refused_requests_total: { 'tenant="UA",code="TENANT_RATE_LIMITED"': 1 },
      headgate_batch_events_sum: { 'stream="events"': 30 },
      headgate_batch_bytes_sum: { 'stream="events"': 5_000 },
      headgate_decided_events_total: { 'tenant="UA"': 30 },
      headgate_decisions_total: {
        'tenant="UA",rule="late",outcome="eligible"': 4,
        'tenant="UA",rule="late",outcome="ineligible"': 26,
      },
      headgate_event_loop_seconds_total: { 'tenant="UA"': 1.5 },
      headgate_tenant_load_seconds_total: { 'tenant="UA"': 0.6 },
      headgate_stage_events_total: {
        'tenant="UA",stage="accepted"': 30,
        'tenant="DL",stage="accepted"': 3,
        'tenant="UA",stage="started"': 30,
        'tenant="UA",stage="decided"': 30,
        'tenant="UA",stage="durable"': 30,
        'tenant="UA",stage="loaded"': 30,
      },
      headgate_stage_seconds_count: {
        'stage="accepted"': 11,
        'stage="started"': 1,
        'stage="decided"': 1,
        'stage="durable"': 1,
        'stage="loaded"': 1,
      },
      headgate_loads_total: { 'tenant="UA",outcome="loaded"': 1, 'tenant="UA",outcome="failed"': 1 },
      headgate_load_seconds_count: { '': 2 },
      headgate_load_rows_sum: { '': 30 },
      headgate_compactions_total: {
        'tenant="UA",outcome="compacted"': 1,
        'tenant="UA",outcome="failed"': 1,
      },
      headgate_compacted_files_total: {
        'tenant="UA",files="replaced"': 20,
        'tenant="UA",files="written"': 2,
      },
      headgate_compacted_bytes_total: {
        'tenant="UA",files="replaced"': 9_000,
        'tenant="UA",files="written"': 8_000,
      },
      headgate_step_retries_total: { 'tenant="UA",step="start"': 1, 'step="checkpoint"': 1 },
    };
    for (const [name, values] of Object.entries(expected))
      assert.deepEqual(await valuesOf(metrics, name), values, name);
  });

  it('count expressions that fail by name, as far as that is bounded', async () => {
    const metrics = createMetrics({ maxTenants: 1 });
    const failed = (name: string, count = 1) => ({ owner: 'rule', name, code: 'TOO_COSTLY', count }) as const;
    metrics.expressionsFailed('UA', [failed('late', 3), { ...failed('late'), code: 'MISSING' }]);
    metrics.expressionsFailed('UA', [failed('late')]);
    metrics.expressionsFailed('DL', [failed('late')]);
    const counted = () => valuesOf(metrics, 'headgate_expression_failures_total');
    assert.deepEqual(await counted(), {
      'tenant="UA",owner="rule",name="late",code="TOO_COSTLY"': 4,
      'tenant="UA",owner="rule",name="late",code="MISSING"': 1,
      'tenant="other",owner="rule",name="other",code="TOO_COSTLY"': 1,
    });
    metrics.expressionsFailed(
      'UA',
      Array.from({ length: 1_500 }, (_, i) => failed(`r${i}`)),
    );
    const after = await counted();
    assert.equal(after['tenant="UA",owner="rule",name="other",code="TOO_COSTLY"'], 501);
    assert.equal(after['tenant="UA",owner="rule",name="r998",code="TOO_COSTLY"'], 1);
  });

  it('read what is watched when they are scraped', async () => {
    const metrics = createMetrics();
    metrics.requestAnswered('UA', REQUEST);
    let bytes = 5;
    metrics.watch({ spoolBytes: () => bytes, spoolOldestSeconds: () => 1.5, inFlightBytes: () => 7 });
    metrics.watch({
      paces: () => [
        ['UA', 0.5],
        ['AA', 200],
        ['DL', 3],
      ],
    });
    assert.deepEqual(await valuesOf(metrics, 'headgate_spool_bytes'), { '': 5 });
    bytes = 6;
    assert.deepEqual(await valuesOf(metrics, 'headgate_spool_bytes'), { '': 6 });
    assert.deepEqual(await valuesOf(metrics, 'headgate_in_flight_bytes'), { '': 7 });
    const paces = await valuesOf(metrics, 'headgate_pace_activities_per_second');
    assert.deepEqual(paces, { 'tenant="UA"': 0.5, 'tenant="other"': 3 }, 'idle tenants take no label');
    assert.deepEqual(await valuesOf(metrics, 'headgate_starts_in_flight'), {});
  });

  it('tell how much of the load jobs of each project is used, with labels for some of them alone', async () => {
    const metrics = createMetrics();
    const projects = Array.from({ length: 60 }, (_, n) => ({
      project: `p${n}`,
      used: n,
      active: 1,
    }));
    const busiest = { tenant: 'UA', stream: 'events', used: 288 } as const;
    metrics.watch({ loadJobs: () => [{ project: 'acme', used: 70_000, active: 1, busiest }, ...projects] });
    const used = await valuesOf(metrics, 'headgate_load_jobs');
    assert.equal(Object.keys(used).length, 51);
    assert.equal(used['project="acme"'], 70_000);
    assert.equal(used['project="other"'], 59, 'the one that has used most');
    assert.equal((await valuesOf(metrics, 'headgate_load_jobs_limit'))['project="other"'], 100_000);
    assert.equal((await valuesOf(metrics, 'headgate_table_load_jobs'))['project="acme"'], 288);
    assert.equal((await valuesOf(metrics, 'headgate_table_load_jobs_limit'))['project="acme"'], 1_500);
  });

  it('tell how long load windows are, of the tenants without a label the longest', async () => {
    const metrics = createMetrics({ maxTenants: 1 });
    metrics.watch({
      windows: () => [
        ['UA', 5_000],
        ['DL', 300_000],
        ['AA', 600_000],
      ],
    });
    const windows = await valuesOf(metrics, 'headgate_load_window_seconds');
    assert.deepEqual(windows, { 'tenant="UA"': 5, 'tenant="other"': 600 });
  });

  it('tell how far subscriptions are behind; one that is gets a label, and what is not known is missing', async () => {
    const metrics = createMetrics({ maxTenants: 2 });
    const lag = (tenant: string, subscription: string, batches: number) => ({
      tenant,
      subscription,
      batches,
      oldestSeconds: batches * 10,
      status: ACTIVE,
      ...(subscription !== 'warehouse' && { events: batches * 100 }),
    });
    let lags = [lag('idle', 'crm', 0), lag('UA', 'crm', 3), lag('UA', 'warehouse', 0), lag('DL', 'crm', 1)];
    metrics.watch({ lags: () => Promise.resolve(lags) });
    const seconds = () => valuesOf(metrics, 'headgate_subscription_oldest_undelivered_seconds');
    const known = {
      'tenant="other",subscription="other"': 0,
      'tenant="UA",subscription="crm"': 30,
      'tenant="UA",subscription="warehouse"': 0,
      'tenant="DL",subscription="crm"': 10,
    };
    assert.deepEqual(await seconds(), known);
    lags = [...lags, lag('AA', 'crm', 2), lag('AA', 'bi', 4), lag('BB', 'crm', 5)];
    assert.deepEqual(await seconds(), { ...known, 'tenant="other",subscription="other"': 50 });
    const batches = await valuesOf(metrics, 'headgate_subscription_undelivered_batches');
    assert.equal(batches['tenant="other",subscription="other"'], 11);
    assert.deepEqual(await valuesOf(metrics, 'headgate_subscription_undelivered_events'), {
      'tenant="other",subscription="other"': 1_100,
      'tenant="UA",subscription="crm"': 300,
      'tenant="DL",subscription="crm"': 100,
    });
    lags = [];
    assert.deepEqual(await seconds(), {});
  });

  it('tell for how long subscriptions fail, and how they stand; one that fails or is stopped gets a label', async () => {
    const metrics = createMetrics({ maxTenants: 1 });
    const of = (tenant: string, failingSeconds: number, state: SubscriptionState) => ({
      tenant,
      subscription: 'crm',
      batches: 0,
      oldestSeconds: 0,
      status: { state },
      askedAt: 1,
      ...(failingSeconds > 0 && {
        failing: { since: new Date(Date.now() - failingSeconds * 1000).toISOString() },
      }),
    });
    const lags = [
      of('idle', 0, 'active'),
      of('UA', 90, 'active'),
      of('DL', 7, 'breaker-open'),
      of('AA', 8, 'paused'),
    ];
    metrics.watch({ lags: () => Promise.resolve(lags) });
    const [own, other] = ['tenant="UA",subscription="crm"', 'tenant="other",subscription="other"'];
    const failing = await valuesOf(metrics, 'headgate_subscription_failing_seconds');
    assert.deepEqual(Object.keys(failing).sort(), [own, other]);
    assert.equal(Math.floor(failing[own] ?? 0), 90);
    assert.equal(Math.floor(failing[other] ?? 0), 8);
    assert.deepEqual(await valuesOf(metrics, 'headgate_subscription_state'), {
      [`${other},state="active"`]: 1,
      [`${own},state="active"`]: 1,
      [`${other},state="breaker-open"`]: 1,
      [`${other},state="paused"`]: 1,
    });
  });

  it('tell what of each tenant waits, the disks, and what the process has of what it needs', async () => {
    const metrics = createMetrics({ maxTenants: 1 });
    metrics.watch({
      backlogs: () => [
        { tenant: 'idle', bytes: 0, oldestSeconds: 0 },
        { tenant: 'UA', bytes: 500, oldestSeconds: 4 },
        { tenant: 'DL', bytes: 20, oldestSeconds: 9 },
        { tenant: 'AA', bytes: 30, oldestSeconds: 2 },
      ],
      disks: () => [['spool', 1e9]],
      diskReserveBytes: () => 1e8,
      checks: () =>
        Promise.resolve([
          { name: 'door', ok: true },
          { name: 'temporal', ok: false },
        ]),
    });
    const expected = {
      headgate_backlog_bytes: { 'tenant="other"': 50, 'tenant="UA"': 500 },
      headgate_backlog_oldest_seconds: { 'tenant="other"': 9, 'tenant="UA"': 4 },
      headgate_disk_free_bytes: { 'disk="spool"': 1e9 },
      headgate_disk_reserve_bytes: { '': 1e8 },
      headgate_ready: { 'check="door"': 1, 'check="temporal"': 0 },
    };
    for (const [name, values] of Object.entries(expected))
      assert.deepEqual(await valuesOf(metrics, name), values, name);
  });

  it('tell how old events are at each stage, and name a batch in OpenMetrics', async () => {
    const metrics = createMetrics();
    metrics.batchStarted('UA', started());
    const attempt = { delivered: 4, failed: 0, retried: 0, bytes: 10, seconds: 0.5 };
    metrics.deliveryTried('UA', 'crm', { ...attempt, batch: BATCH });
    metrics.deliveryTried('UA', 'crm', { ...attempt, batch: BATCH, cause: 'a-redrive' });
    const seconds = await valuesOf(metrics, 'headgate_stage_event_seconds_total');
    const age = seconds['tenant="UA",stage="started"'] ?? 0;
    assert.ok(age >= 5_000 && age < 9_000, `not as if all were as old as the oldest: ${age}`);
    const delivered = await valuesOf(metrics, 'headgate_delivered_event_seconds_total');
    assert.ok((delivered['tenant="UA",subscription="crm"'] ?? 0) >= 8, 'the redrive is left out');
    assert.deepEqual(await valuesOf(metrics, 'headgate_delivery_requests_total'), {
      'tenant="UA",subscription="crm"': 2,
    });
    const { text, contentType } = await metrics.scrape('openmetrics');
    assert.match(contentType, /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(text, /# EOF\n$/);
    assert.match(text, /^# TYPE headgate_stage_events counter$/m);
    assert.match(text, /^headgate_stage_events_total\{tenant="UA",stage="started"\} 30$/m);
    const named = new RegExp(
      `^headgate_stage_seconds_bucket\\{le="3600",stage="started"\\} 1 # \\{tenant="UA",batch="${BATCH.batchId}"\\} 31\\d`,
      'm',
    );
    assert.match(text, named);
    assert.doesNotMatch((await metrics.scrape()).text, / # \{/, 'and not in the other format');
    assert.match((await metrics.scrape()).text, /^# TYPE headgate_stage_events_total counter$/m);
  });

  it('count the time of activities that deliver, by subscription', async () => {
    const metrics = createMetrics();
    for (const seconds of [1, 2.5]) metrics.deliveryActivity('UA', 'crm', seconds);
    const counted = await valuesOf(metrics, 'headgate_delivery_activity_seconds_total');
    assert.deepEqual(counted, { 'tenant="UA",subscription="crm"': 3.5 });
  });

  it('have labels for the first tenants alone when there are thousands, and lose no count', async () => {
    const metrics = createMetrics({ maxTenants: 100 });
    const lines = async () => (await metrics.scrape()).text.match(/^headgate_/gm)?.length;
    const tell = (tenant: string): void => {
      metrics.requestAnswered(tenant, REQUEST);
      metrics.refused(tenant, 'TENANT_RATE_LIMITED');
      metrics.decided(tenant, DECIDED, 0.01);
      metrics.loaded(tenant, { seconds: 0.1, rows: 3 });
    };
    for (let n = 0; n < 101; n++) tell(`t${n}`);
    const before = await lines();
    for (let n = 0; n < 5_000; n++) tell(`t${n}`);
    assert.equal(await lines(), before);
    const refusals = await valuesOf(metrics, 'headgate_refused_requests_total');
    assert.equal(Object.keys(refusals).length, 101);
    assert.equal(refusals['tenant="other",code="TENANT_RATE_LIMITED"'], 4_901);
    assert.equal(
      Object.values(refusals).reduce((sum, count) => sum + count),
      5_101,
    );
  });

  it('are apart from those of another registry, and include the process itself', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.requestAnswered('UA', REQUEST);
    assert.deepEqual(await valuesOf(other, 'headgate_events_total'), {});
    const resident = await valuesOf(other, 'process_resident_memory_bytes');
    assert.ok((resident[''] ?? 0) > 1e6);
  });
});
