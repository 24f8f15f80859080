import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { freePort } from '../../bench/system/free-port.js';
import { createQueueRates, type QueueNotes, type QueueRates } from '../../src/temporal/queue-rates.js';
import { SubscriptionControl } from '../../src/subscriptions/control.js';
import { SubscriptionOverviews } from '../../src/subscriptions/overview.js';
import { rateOf, statusOf } from '../../src/subscriptions/status.js';
import type { SubscriptionAlert } from '../../src/events/delivered-event.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import { subscriptionQueue, tenantQueue } from '../../src/tenants/queues.js';
import { SILENT, connect } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { awayConnection } from '../support/temporal-away.js';
import { until } from '../support/until.js';

const WITHIN_MS = 10_000;

describe('how a subscription stands', function () {
  this.timeout(30_000);
  let connection: NativeConnection;
  let rates: QueueRates & QueueNotes;
  let names = 0;
  let tenant: string;

  before(async () => {
    connection = await connect();
    rates = createQueueRates(connection, testNamespace());
  });
  after(() => connection.close());
  beforeEach(() => {
    tenant = `sc-${++names}`;
  });

  const configOf = (id: string) => {
    const url = 'https://user:pass@crm.example/hooks?token=secret';
    const subscriptions = [
      { name: 'crm', kind: 'push', url, limits: { activitiesPerSecond: 7 } },
      { name: 'queue', kind: 'pull' },
    ];
    return id === tenant ? parseTenantConfig(JSON.stringify({ tenant, subscriptions }), 'x.yaml') : undefined;
  };
  /** Each stands for a process of its own. */
  const open = (): SubscriptionControl => new SubscriptionControl({ rates, configOf, log: SILENT });
  const queueRate = (name = 'crm') => rates.get(subscriptionQueue(tenant, name));

  it('is active at the configured rate at first', async () => {
    assert.deepEqual(await open().align(tenant, 'crm'), { state: 'active' });
    await until(async () => assert.equal((await queueRate())?.activitiesPerSecond, 7), WITHIN_MS);
  });

  it('is paused by the rate of its queue, for every process, and stays so when it is aligned', async () => {
    await open().change(tenant, 'crm', { to: 'paused', by: 'ops@example.com', reason: 'the CRM moves' });
    await until(async () => assert.equal((await queueRate())?.activitiesPerSecond, 0), WITHIN_MS);
    const { since, ...status } = await open().align(tenant, 'crm');
    assert.deepEqual(status, { state: 'paused', by: 'ops@example.com', reason: 'the CRM moves' });
    assert.ok(Date.parse(since ?? '') > 0);
    await open().change(tenant, 'crm', { to: 'active', by: 'ops@example.com' });
    await until(async () => assert.equal((await queueRate())?.activitiesPerSecond, 7), WITHIN_MS);
  });

  it('shows what keeps it from delivering, tells its tenant once, and is active when that is gone', async () => {
    const alerts: SubscriptionAlert[] = [];
    const missing = 'SECRET_MISSING: The variable of env:HEADGATE_SECRET_SC__X is not set where workers run.';
    let fault: string | undefined = missing;
    const control = new SubscriptionControl({
      rates,
      configOf,
      log: SILENT,
      onAlert: (alert) => void alerts.push(alert),
      faultOf: (_tenant, name) => (name === 'crm' ? fault : undefined),
    });
    const shown = async () => {
      const { state, reason, by } = await control.status(tenant, 'crm');
      return [state, reason, by];
    };
    await control.align(tenant, 'crm');
    await control.align(tenant, 'crm');
    await control.fault(tenant, 'crm', missing);
    assert.deepEqual(await shown(), ['breaker-open', missing, 'headgate']);
    assert.deepEqual(
      alerts.map(({ subscription, state, reason }) => [subscription, state, reason]),
      [['crm', 'breaker-open', missing]],
    );
    assert.equal((await control.align(tenant, 'queue')).state, 'active');
    // Somebody resumes it, and the next pass fails as before.
    await control.change(tenant, 'crm', { to: 'active', by: 'ops' });
    await control.fault(tenant, 'crm', missing);
    assert.deepEqual(await shown(), ['breaker-open', missing, 'headgate']);
    fault = undefined;
    assert.deepEqual(await control.align(tenant, 'crm'), { state: 'active' });
    // A breaker that a receiver has opened stays open.
    await control.breaker(tenant, 'crm', true, '100% of 10 requests in 5 minutes have failed');
    assert.equal((await control.align(tenant, 'crm')).state, 'breaker-open');
    // And what somebody has paused stays paused.
    await control.change(tenant, 'crm', { to: 'paused', by: 'ops' });
    assert.equal((await control.fault(tenant, 'crm', missing)).state, 'paused');
  });

  it('takes a reason of any characters, and keeps as much of it as Temporal takes', async () => {
    const control = open();
    for (const character of ['a', 'ж', '👍', '"', '\\', '\u0007']) {
      const reason = character.repeat(Math.floor(500 / character.length));
      const by = character.repeat(Math.floor(200 / character.length));
      await control.change(tenant, 'crm', { to: 'paused', by, reason });
      const shown = statusOf(
        await until(async () => {
          const rate = await queueRate();
          assert.ok(statusOf(rate).reason?.startsWith(character));
          return rate;
        }, WITHIN_MS),
      );
      assert.equal(shown.state, 'paused');
      assert.ok(reason.startsWith(shown.reason?.replace(/…$/, '') ?? '-'), shown.reason);
      assert.ok(by.startsWith(shown.by?.replace(/…$/, '') ?? '-'), shown.by);
    }
  });

  it('drains at its configured rate; this process knows at once, another once it has looked', async () => {
    const [here, there] = [open(), open()];
    await here.change(tenant, 'crm', { to: 'draining', by: 'ops' });
    assert.equal(here.isDraining(tenant, 'crm'), true);
    assert.equal(here.isDraining(tenant, 'queue'), false);
    await until(async () => {
      await there.look(tenant);
      assert.equal(there.isDraining(tenant, 'crm'), true);
    }, WITHIN_MS);
    assert.equal((await queueRate())?.activitiesPerSecond, 7);
  });

  it('lets the breaker slow it down and speed it up, but not end what somebody has paused', async () => {
    const control = open();
    assert.equal((await control.breaker(tenant, 'crm', true, '9 of 10 failed')).state, 'breaker-open');
    assert.equal((await control.breaker(tenant, 'crm', false, '')).state, 'active');
    await control.change(tenant, 'crm', { to: 'paused', by: 'ops' });
    for (const isOpen of [true, false])
      assert.equal((await control.breaker(tenant, 'crm', isOpen, '')).state, 'paused');
    assert.equal((await control.disable(tenant, 'crm', 'HTTP 410 Gone')).state, 'paused');
  });

  it('is disabled until somebody resumes it', async () => {
    const control = open();
    await control.disable(tenant, 'crm', 'HTTP 410 Gone');
    assert.equal((await control.breaker(tenant, 'crm', false, '')).state, 'disabled');
    assert.deepEqual(await control.change(tenant, 'crm', { to: 'active', by: 'ops' }), { state: 'active' });
  });

  it('is paused by Headgate where it is refused for good, unless it is held already, with an alert then alone', async () => {
    const told: unknown[] = [];
    const control = new SubscriptionControl({
      rates,
      configOf,
      log: SILENT,
      onAlert: ({ subscription, state, reason }) => told.push([subscription, state, reason]),
    });
    const { since, ...status } = await control.pauseBySystem(tenant, 'warehouse', 'Access Denied');
    assert.deepEqual(status, { state: 'paused', by: 'headgate', reason: 'Access Denied' });
    assert.equal((await control.pauseBySystem(tenant, 'warehouse', 'Not found')).since, since);
    await control.change(tenant, 'crm', { to: 'paused', by: 'headgate' });
    assert.equal((await control.pauseBySystem(tenant, 'crm', 'Access Denied')).reason, undefined);
    assert.deepEqual(told, [['warehouse', 'paused', 'Access Denied']]);
    await assert.rejects(control.pauseBySystem('sc-none', 'warehouse', 'Access Denied'), {
      code: 'NOT_FOUND',
    });
  });

  it('takes a rate of 0 that was set by hand for a pause, and any other for active', () => {
    assert.equal(statusOf({ activitiesPerSecond: 0, reason: 'by hand' }).state, 'paused');
    assert.equal(statusOf({ activitiesPerSecond: 3, reason: 'by hand' }).state, 'active');
    assert.equal(
      statusOf({ activitiesPerSecond: 0, reason: 'headgate subscription nonsense {' }).state,
      'paused',
    );
  });

  it('keeps what it was told, whatever that is', () => {
    for (const reason of ['"}{', '\n', 'x'.repeat(2_000), '🙂']) {
      const status = { state: 'paused', by: 'a"b', reason, since: '2026-01-01T00:00:00.000Z' } as const;
      const kept = reason.length > 600 ? `${reason.slice(0, 597)}…` : reason;
      assert.deepEqual(statusOf(rateOf(status, 5)), { ...status, reason: kept });
    }
  });

  it('refuses subscriptions that the tenant does not have', async () => {
    await assert.rejects(open().change(tenant, 'other', { to: 'paused', by: 'ops' }), { code: 'NOT_FOUND' });
    await assert.rejects(open().change('sc-0', 'crm', { to: 'paused', by: 'ops' }), { code: 'NOT_FOUND' });
    await assert.rejects(open().change(tenant, '../crm', { to: 'paused', by: 'ops' }), { code: 'NOT_FOUND' });
  });

  it('is kept for the warehouse beside the rate of its loads, which it leaves alone', async () => {
    const loads = { activitiesPerSecond: 11, reason: 'a test' };
    await rates.set(tenantQueue(tenant), loads);
    await open().change(tenant, 'warehouse', { to: 'paused', by: 'ops', reason: 'the lake moves' });
    await until(async () => {
      const { state, by, reason } = await open().status(tenant, 'warehouse');
      assert.deepEqual([state, by, reason], ['paused', 'ops', 'the lake moves']);
    }, WITHIN_MS);
    assert.deepEqual(await rates.get(tenantQueue(tenant)), loads);
    assert.equal(await queueRate('warehouse'), undefined, 'there is no queue of its own');
    await open().change(tenant, 'warehouse', { to: 'active', by: 'ops' });
    await until(
      async () => assert.equal((await open().status(tenant, 'warehouse')).state, 'active'),
      WITHIN_MS,
    );
    assert.deepEqual(await rates.get(tenantQueue(tenant)), loads);
  });

  it('is shown with what waits for it, and without what may be secret', async () => {
    const client = new Client({ connection, namespace: testNamespace() });
    const overviews = new SubscriptionOverviews({
      client,
      control: open(),
      notes: rates,
      configOf,
    });
    const waiting = { batches: 0, events: 0, oldestSeconds: 0 };
    const [warehouse, crm, queue] = await overviews.list(tenant);
    const builtIn = { name: 'warehouse', kind: 'warehouse', state: 'active', queue: `tenant.${tenant}` };
    assert.deepEqual(warehouse, { ...builtIn, waiting: { windows: 0, oldestSeconds: 0 } });
    const expected = { name: 'crm', kind: 'push', url: 'https://crm.example/hooks', state: 'active' };
    const crmQueue = `tenant.${tenant}.sub.crm`;
    assert.deepEqual(crm, { ...expected, queue: crmQueue, waiting });
    const failing = { since: '2026-11-28T10:00:00.000Z', lastError: 'HTTP 500: boom', lastErrorAt: '…' };
    await rates.setNote(crmQueue, `headgate failing ${JSON.stringify(failing)}`);
    await until(async () => {
      assert.deepEqual(await overviews.list(tenant), [warehouse, { ...crm, failing }, queue]);
    }, WITHIN_MS);
    assert.deepEqual([queue?.name, queue?.kind], ['queue', 'pull']);
    const { deliveries, deadLetters } = await overviews.show(tenant, 'crm');
    assert.deepEqual([deliveries, deadLetters], [0, 0]);
    await assert.rejects(overviews.show(tenant, 'x" OR "'), { code: 'NOT_FOUND' });
    assert.deepEqual(await overviews.list('sc-0'), []);
  });

  it('is not said to have changed when Temporal has not taken the change', async () => {
    const nobody = awayConnection(await freePort());
    const lines: string[] = [];
    const log = { ...SILENT, info: (id: string) => void lines.push(id) };
    const change = { to: 'paused', by: 'ops' } as const;
    try {
      const away = createQueueRates(nobody, testNamespace());
      const control = new SubscriptionControl({ rates: away, configOf, log });
      const soon = Date.now() + 1_000;
      await assert.rejects(nobody.withDeadline(soon, () => control.change(tenant, 'crm', change)));
      assert.deepEqual(lines, []);
    } finally {
      await nobody.close();
    }
    await new SubscriptionControl({ rates, configOf, log }).change(tenant, 'crm', change);
    assert.deepEqual(lines, ['SUBSCRIPTION_CHANGED']);
  });

  it('is not known while Temporal is away, and the process that was asked goes on', async () => {
    const nobody = awayConnection(await freePort());
    const unheard: unknown[] = [];
    const hear = (reason: unknown): void => void unheard.push(reason);
    // It would end a process.
    process.on('unhandledRejection', hear);
    try {
      const client = new Client({ connection: nobody, namespace: testNamespace() });
      const notes = createQueueRates(nobody, testNamespace());
      const lists = [[], [{ name: 'queue', kind: 'pull' }]].map((subscriptions) => {
        const config = parseTenantConfig(JSON.stringify({ tenant, subscriptions }), 'x.yaml');
        const control = new SubscriptionControl({ rates: notes, configOf: () => config, log: SILENT });
        return new SubscriptionOverviews({ client, control, notes, configOf: () => config }).list(tenant);
      });
      for (const { reason } of (await Promise.allSettled(lists)) as PromiseRejectedResult[])
        assert.equal((reason as { code: unknown }).code, 'ENGINE_UNAVAILABLE');
      // What nobody waits for may fail a little after what is waited for.
      await delay(3_000);
      assert.deepEqual(unheard, []);
    } finally {
      process.off('unhandledRejection', hear);
      await nobody.close();
    }
  });
});
