import assert from 'node:assert/strict';
import { createMetrics, type Metrics } from '../../src/observability/metrics.js';
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
    metrics.batchStarted('UA', { stream: 'events', events: 30, bytes: 5_000 });
    metrics.decided('UA', { events: 30, seconds: 0.02 });
    metrics.loaded('UA', { seconds: 0.3, rows: 30, batches: 1 });
    metrics.loaded('UA', { seconds: 0.3, batches: 1 });
    metrics.compacted('UA', { replaced: 20, written: 2, bytesReplaced: 9_000, bytesWritten: 8_000 });
    metrics.compacted('UA');
    metrics.stepRetried('start');
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
      headgate_decision_seconds_count: { '': 1 },
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
      headgate_step_retries_total: { 'step="start"': 1 },
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
    });
    let lags = [lag('idle', 'crm', 0), lag('UA', 'crm', 3), lag('UA', 'warehouse', 0), lag('DL', 'crm', 1)];
    metrics.watch({ lags: () => Promise.resolve(lags) });
    const seconds = () => valuesOf(metrics, 'headgate_subscription_lag_seconds');
    const known = {
      'tenant="other",subscription="other"': 0,
      'tenant="UA",subscription="crm"': 30,
      'tenant="UA",subscription="warehouse"': 0,
      'tenant="DL",subscription="crm"': 10,
    };
    assert.deepEqual(await seconds(), known);
    lags = [...lags, lag('AA', 'crm', 2), lag('AA', 'bi', 4), lag('BB', 'crm', 5)];
    assert.deepEqual(await seconds(), { ...known, 'tenant="other",subscription="other"': 50 });
    const batches = await valuesOf(metrics, 'headgate_subscription_waiting_batches');
    assert.equal(batches['tenant="other",subscription="other"'], 11);
    lags = [];
    assert.deepEqual(await seconds(), {});
  });

  it('tell for how long subscriptions fail, and which are stopped; one that fails gets a label', async () => {
    const metrics = createMetrics({ maxTenants: 1 });
    const of = (tenant: string, failingSeconds: number, state: SubscriptionState) => ({
      tenant,
      subscription: 'crm',
      batches: 0,
      oldestSeconds: 0,
      failingSeconds,
      state,
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
    assert.deepEqual(failing, { [own]: 90, [other]: 8 });
    assert.deepEqual(await valuesOf(metrics, 'headgate_subscription_stopped'), { [own]: 0, [other]: 2 });
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
      metrics.decided(tenant, { events: 3, seconds: 0.01 });
      metrics.loaded(tenant, { seconds: 0.1, rows: 3, batches: 1 });
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
