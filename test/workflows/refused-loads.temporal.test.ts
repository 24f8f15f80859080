import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { WorkflowHandle } from '@temporalio/client';
import { createAnnounceActivities, windowAt } from '../../src/activities/warehouse/announce.js';
import { createHoldLoads } from '../../src/activities/warehouse/load-control/hold-loads.js';
import { createLoadActivities } from '../../src/activities/warehouse/load-batches.js';
import { createPauseLoads } from '../../src/activities/warehouse/load-control/pause-loads.js';
import { createQueueRates } from '../../src/temporal/queue-rates.js';
import { HeadgateError } from '../../src/errors.js';
import type { BatchRef, EventRow } from '../../src/events/event.js';
import { createParquetWarehouse } from '../../src/stores/warehouse/parquet/parquet.js';
import type { Warehouse } from '../../src/stores/warehouse/warehouse.js';
import { SubscriptionAlerts, batchIdOf } from '../../src/subscriptions/alerts.js';
import { SubscriptionControl } from '../../src/subscriptions/control.js';
import type { SubscriptionAlert } from '../../src/events/delivered-event.js';
import { countInFiles } from '../support/parquet.js';
import { arrivals, SILENT, startPipeline, type Pipeline } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const WITHIN_MS = 20_000;
const TENANT = 'rf-own';
const OTHER = 'rf-other';

describe('a warehouse that refuses loads', function () {
  this.timeout(120_000);
  let pipeline: Pipeline;
  let alerts: SubscriptionAlerts;
  let control: SubscriptionControl;
  let warehouse: Warehouse;
  let told: SubscriptionAlert[];
  /** What the warehouse says to the tenant; it takes loads where it says nothing. */
  let says: string | undefined;
  let refusals: number;
  let written = 0;

  before(async () => {
    // Loads are what is tested here: those of the pipeline go to Parquet through the same activity.
    pipeline = await startPipeline({ [TENANT]: {}, [OTHER]: {} });
    const { client, stores, registry } = pipeline;
    alerts = new SubscriptionAlerts({
      client,
      batchStore: stores.batchStore,
      log: SILENT,
      isDraining: () => false,
      tenantOf: (tenant) => registry.get(tenant),
    });
    told = [];
    control = openControl((alert) => {
      told.push(alert);
      alerts.raise(alert);
    });
    warehouse = createParquetWarehouse({ root: stores.paths.warehouse });
    refusals = 0;
    const { loadBatches } = createLoadActivities({
      warehouse: refusing(warehouse),
      batchStore: stores.batchStore,
      holdLoads: createHoldLoads({ statusOf: (tenant) => control.status(tenant, 'warehouse') }),
      pauseLoads: createPauseLoads({
        pause: (tenant, reason) => control.pauseBySystem(tenant, 'warehouse', reason),
        log: SILENT,
      }),
    });
    pipeline.replaced.loadBatches = loadBatches;
  });
  after(async () => {
    await alerts.close();
    await pipeline.stop();
    await warehouse.close();
  });

  /** Each stands for a process of its own. */
  function openControl(onAlert?: (alert: SubscriptionAlert) => void): SubscriptionControl {
    return new SubscriptionControl({
      rates: createQueueRates(pipeline.connection, testNamespace()),
      configOf: (tenant) => pipeline.registry.get(tenant)?.config,
      onAlert,
      log: SILENT,
    });
  }

  /** The real warehouse behind a permission that the tenant lacks: root may write wherever the test could put it. */
  function refusing(real: Warehouse): Warehouse {
    return {
      close: () => real.close(),
      load: (input) => {
        if (input.tenant !== TENANT || says === undefined) return real.load(input);
        refusals += 1;
        return Promise.reject(new HeadgateError('WAREHOUSE_REFUSED', says));
      },
    };
  }

  async function write(tenant: string): Promise<BatchRef> {
    written += 1;
    const batchId = `20240310-0123abcd-${String(written).padStart(9, '0')}`;
    const rows = arrivals(`r${written}`, [1, 2]).map((row) => `${JSON.stringify(row)}\n`);
    const name = { tenant, stream: 'events', batchId } as const;
    return pipeline.stores.batchStore.write(name, gzipSync(rows.join('')), 2);
  }

  /** Opens a window that closes at once, one for each call. */
  async function window(tenant: string): Promise<WorkflowHandle> {
    const { announce } = createAnnounceActivities({
      client: pipeline.client,
      windowsPerSecond: 1_000,
      windowsOf: () => ({ isolation: 'pooled', windowMs: 1_000 }),
      now: () => windowAt(Date.now(), 1_000, tenant).closesAt - (60 + written) * 1_000,
    });
    const { workflowId } = await announce([await write(tenant)]);
    return pipeline.client.workflow.getHandle(workflowId);
  }

  const status = () => control.status(TENANT, 'warehouse');

  /** Resumes it, as an operator does through the API of another process. */
  async function resume(): Promise<void> {
    const api = openControl();
    await until(async () => assert.equal((await api.status(TENANT, 'warehouse')).state, 'paused'), WITHIN_MS);
    await api.change(TENANT, 'warehouse', { to: 'active', by: 'ops@example.com' });
  }

  async function eventOf(alert: SubscriptionAlert): Promise<EventRow> {
    const batch = { tenant: TENANT, stream: 'events', batchId: batchIdOf(alert) } as const;
    const { ndjson } = await until(() => pipeline.stores.batchStore.open(batch), WITHIN_MS);
    return JSON.parse(ndjson.toString('utf8')) as EventRow;
  }

  it('is paused by Headgate, once, and reported; a resume tries again, and loads what has waited', async () => {
    says = 'Access Denied: grant roles/bigquery.jobUser.';
    const windows = [await window(TENANT), await window(TENANT), await window(TENANT)];
    await until(async () => assert.equal((await status()).state, 'paused'), WITHIN_MS);
    const { by, reason } = await status();
    assert.deepEqual([by, reason], ['headgate', says]);
    const first = await eventOf(told[0]!);
    assert.equal(first.type, 'headgate.subscription.paused');
    assert.deepEqual(first.data, { subscription: 'warehouse', reason: says, since: told[0]?.since });
    // The other tenant's loads go on.
    await (await window(OTHER)).result();
    await until(async () => {
      for (const handle of windows) {
        const [pending] = (await handle.describe()).raw.pendingActivities ?? [];
        assert.match(pending?.lastFailure?.message ?? '', /Access Denied: grant roles.bigquery\.jobUser/);
      }
    }, WITHIN_MS);
    assert.equal(told.length, 1);
    const asked = refusals;
    assert.ok(asked <= windows.length + 1, `asked ${asked} times`);

    says = 'Not found: Dataset acme:events.';
    await resume();
    await until(async () => assert.equal((await status()).reason, says), WITHIN_MS);
    assert.equal((await status()).state, 'paused', 'it was refused again, by another reason');
    assert.equal(told.length, 2);
    assert.equal((await eventOf(told[1]!)).type, 'headgate.subscription.paused');

    says = undefined;
    await resume();
    for (const handle of windows) await handle.result();
    assert.equal((await status()).state, 'active');
    assert.equal(told.length, 2);
    const { events } = await countInFiles(pipeline.stores.paths.warehouse, TENANT);
    assert.ok(Number(events) >= 6, `${events} of three windows' six events`);
    assert.equal((await countInFiles(pipeline.stores.paths.warehouse, OTHER)).events, 2);
  });
});
