import assert from 'node:assert/strict';
import { createQueueRates } from '../../src/temporal/queue-rates.js';
import type { EventRow } from '../../src/events/event.js';
import { SubscriptionAlerts, batchIdOf } from '../../src/subscriptions/alerts.js';
import { SubscriptionControl } from '../../src/subscriptions/control.js';
import type { SubscriptionAlert } from '../../src/events/delivered-event.js';
import { batchWorkflowId, deliverWorkflowId } from '../../src/tenants/workflow-ids.js';
import type { IngestBatchResult, LoadWindowResult } from '../../src/workflows/messages/batches.js';
import { rowsInFiles } from '../support/parquet.js';
import { SILENT, startPipeline, type Pipeline } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const WITHIN_MS = 20_000;
const OPS = { name: 'ops', kind: 'pull' };
const CRM = { name: 'crm', kind: 'pull' };

describe('an alert about a subscription', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let alerts: SubscriptionAlerts;
  let control: SubscriptionControl;
  let told: SubscriptionAlert[];

  before(async () => {
    const subscriptions = [CRM, OPS];
    const tells = (to: string) => [{ match: { type: 'headgate.subscription.*' }, to: [to] }];
    pipeline = await startPipeline({
      'al-told': { subscriptions, routes: tells('ops') },
      'al-once': { subscriptions, routes: tells('ops') },
      'al-self': { subscriptions, routes: tells('crm') },
      'al-none': { subscriptions, routes: [{ match: {}, to: ['ops'] }] },
      'al-down': { subscriptions, routes: [] },
      'al-held': { subscriptions, routes: [] },
    });
  });
  after(() => pipeline.stop());
  beforeEach(() => {
    told = [];
    alerts = open();
    control = controlled(alerts);
  });
  afterEach(() => alerts.close());

  function open(more: Partial<ConstructorParameters<typeof SubscriptionAlerts>[0]> = {}): SubscriptionAlerts {
    const { client, stores, registry } = pipeline;
    return new SubscriptionAlerts({
      client,
      batchStore: stores.batchStore,
      log: SILENT,
      isDraining: () => false,
      tenantOf: (tenant) => registry.get(tenant),
      ...more,
    });
  }

  function controlled(raising: SubscriptionAlerts): SubscriptionControl {
    return new SubscriptionControl({
      rates: createQueueRates(pipeline.connection, testNamespace()),
      configOf: (tenant) => pipeline.registry.get(tenant)?.config,
      onAlert: (alert) => {
        told.push(alert);
        raising.raise(alert);
      },
      log: SILENT,
    });
  }

  /** What has become of the batch of an alert. */
  async function batchOf(alert: SubscriptionAlert): Promise<{ result: IngestBatchResult; event: EventRow }> {
    const [batchId, { tenant }] = [batchIdOf(alert), alert];
    const handle = pipeline.client.workflow.getHandle(batchWorkflowId(tenant, 'events', batchId));
    const result = await until(async () => (await handle.result()) as IngestBatchResult, WITHIN_MS);
    const { ndjson } = await pipeline.stores.batchStore.open({ tenant, stream: 'events', batchId });
    return { result, event: JSON.parse(ndjson.toString('utf8')) as EventRow };
  }

  const loaded = async ({ load }: IngestBatchResult): Promise<void> => {
    (await pipeline.client.workflow.getHandle(load.workflowId).result()) as LoadWindowResult;
  };
  const typesIn = async (tenant: string) =>
    (await rowsInFiles(pipeline.stores.paths.warehouse, tenant, 'events', 'type')).flat();

  it('is an event of its tenant: in the warehouse, and with the subscription that its routes name', async () => {
    await control.disable('al-told', 'crm', 'its endpoint answered 410 Gone');
    const [alert] = told;
    const { result, event } = await batchOf(alert!);
    const { type, subject, data, time, source } = event;
    const since = alert!.since;
    assert.deepEqual([type, subject, time], ['headgate.subscription.disabled', 'crm', since]);
    assert.deepEqual(data, { subscription: 'crm', reason: 'its endpoint answered 410 Gone', since });
    assert.equal(source, 'headgate');
    const batchId = batchIdOf(alert!);
    const delivery = deliverWorkflowId('al-told', 'ops', batchId, { stream: 'events', priority: 'normal' });
    assert.deepEqual(result.deliveries, [delivery]);
    await loaded(result);
    assert.deepEqual(await typesIn('al-told'), ['headgate.subscription.disabled']);
  });

  it('is raised once each time: not for a failed probe, for another process, nor for what has been raised already', async () => {
    await control.breaker('al-once', 'crm', true, '9 of 10 failed');
    await control.breaker('al-once', 'crm', true, '10 of 11 failed');
    assert.equal((await control.status('al-once', 'crm')).since, told[0]?.since);
    await until(async () => {
      const other = controlled(alerts);
      assert.equal((await other.status('al-once', 'crm')).state, 'breaker-open');
      await other.breaker('al-once', 'crm', true, '5 of 5 failed');
    }, WITHIN_MS);
    assert.equal(told.length, 1);
    const { result, event } = await batchOf(told[0]!);
    assert.equal(event.type, 'headgate.subscription.breaker-opened');
    alerts.raise(told[0]!);
    await control.disable('al-once', 'crm', 'it has failed for a day');
    await control.disable('al-once', 'crm', 'it has failed for a day');
    assert.deepEqual(
      told.map(({ state }) => state),
      ['breaker-open', 'disabled'],
    );
    const second = await batchOf(told[1]!);
    await loaded(result);
    await loaded(second.result);
    const types = (await typesIn('al-once')).sort();
    assert.deepEqual(types, ['headgate.subscription.breaker-opened', 'headgate.subscription.disabled']);
  });

  it('is not raised when somebody has paused it, nor when its breaker closes', async () => {
    await control.change('al-held', 'crm', { to: 'paused', by: 'ops' });
    await control.disable('al-held', 'crm', 'gone');
    await control.change('al-held', 'crm', { to: 'active', by: 'ops' });
    await control.breaker('al-held', 'crm', false, '');
    assert.deepEqual(told, []);
  });

  it('goes to no subscription whose routes do not name its type', async () => {
    await control.breaker('al-none', 'crm', true, '9 of 10 failed');
    const { result } = await batchOf(told[0]!);
    assert.equal(result.deliveries, undefined);
    await loaded(result);
    assert.deepEqual(await typesIn('al-none'), ['headgate.subscription.breaker-opened']);
  });

  it('may be the one that is told: the event waits there, and makes no other', async () => {
    await control.disable('al-self', 'crm', 'gone');
    const { result } = await batchOf(told[0]!);
    const delivery = pipeline.client.workflow.getHandle(result.deliveries![0]!);
    assert.equal((await delivery.describe()).status.name, 'RUNNING');
    assert.equal(told.length, 1);
  });

  it('is disabled also where nobody can be told, which is tried some times and logged', async () => {
    const said: string[] = [];
    const say = (id: string) => void said.push(id);
    let writes = 0;
    const write = () => (writes++, Promise.reject(new TypeError('the disk is away')));
    const batchStore = { ...pipeline.stores.batchStore, write };
    const broken = open({ batchStore, firstPauseMs: 1, log: { warn: say, error: say } });
    const state = (await controlled(broken).disable('al-down', 'crm', 'gone')).state;
    assert.equal(state, 'disabled');
    await until(() => assert.equal(said.at(-1), 'ALERT_LOST'), WITHIN_MS);
    assert.equal(writes, 9);
    await broken.close();
  });

  it('has a batch whose id follows from it, in the order of time', () => {
    const at = (since: string, more: Partial<SubscriptionAlert> = {}): string =>
      batchIdOf({ tenant: 'UA', subscription: 'crm', state: 'disabled', reason: '', since, ...more });
    const first = at('2026-03-01T10:00:00.000Z');
    assert.match(first, /^20260301-00000000-[0-9a-z]{9}$/);
    assert.equal(at('2026-03-01T10:00:00.000Z', { reason: 'x' }), first);
    assert.notEqual(at('2026-03-01T10:00:00.000Z', { state: 'breaker-open' }), first);
    const later = ['2026-03-01T10:00:00.001Z', '2026-03-01T11:00:00.000Z', '2058-12-31T23:59:59.999Z'];
    for (const since of later) assert.ok(at(since) > first, since);
  });
});
