import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { chromiumBinary } from '../support/browser.js';
import { tokenFor } from '../support/producer.js';
import { neededTool } from '../support/prometheus.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { until } from '../support/until.js';
import { named, startWatchedNode, type WatchedNode } from '../support/watched-node.js';

const SECOND = 1_000;
/** What an operator may have to wait until a fault is seen. */
const SEEN_WITHIN_MS = 60 * SECOND;
/** Until a fault that is over is seen no more: alerts go on for a minute or two, so as not to come and go. */
const GONE_WITHIN_MS = 240 * SECOND;

/** Where an operator looks, and when a fault was first seen there, in milliseconds after it began. */
interface Sight {
  readonly alert: number;
  readonly metric: number;
  readonly status: number;
  readonly console: number;
}

/** A fault, and what is to be seen of it. */
interface Fault {
  readonly tenant?: string;
  readonly subscription?: string;
  /** Alerts that may fire for it; the first must. */
  readonly alerts: readonly string[];
  /** Kinds of problems that it may be; one must be there. */
  readonly kinds: readonly string[];
  /** An expression that has a value for this alone. */
  readonly metric: string;
}

const OF_TENANTS = {
  slow: {
    tenant: 't-slow',
    subscription: 'crm',
    alerts: ['HeadgateSubscriptionSlow'],
    kinds: ['slow'],
    metric:
      'sum by (tenant, subscription) (rate(headgate_delivery_seconds_total[30s])) / sum by (tenant, subscription) (rate(headgate_delivery_requests_total[30s])) > 2',
  },
  failing: {
    tenant: 't-failing',
    subscription: 'crm',
    alerts: ['HeadgateSubscriptionFailing', 'HeadgateBreakerOpen'],
    kinds: ['failing', 'breaker-open'],
    metric: 'headgate_subscription_failing_seconds > 0',
  },
  expensive: {
    tenant: 't-costly',
    subscription: 'crm',
    alerts: ['HeadgateSubscriptionExpensive'],
    kinds: ['expensive'],
    metric: 'headgate:subscription_cores > 0.1',
  },
  flood: {
    tenant: 't-flood',
    alerts: ['HeadgateTenantRefused'],
    kinds: ['refused'],
    metric: 'sum by (tenant) (rate(headgate_refused_requests_total{code=~"TENANT_.*"}[1m])) > 1',
  },
} as const satisfies Record<string, Fault>;

const AWAY: Fault = {
  alerts: ['HeadgateTemporalAway'],
  kinds: ['temporal-away'],
  metric: 'headgate_ready{check="temporal"} == 0',
};

const FULL_SPOOL: Fault = {
  alerts: ['HeadgateSpoolFills', 'HeadgateRefuses', 'HeadgateNotReady'],
  kinds: ['spool-fills', 'takes-no-events'],
  metric: 'headgate_spool_bytes > 0.5 * headgate_spool_limit_bytes',
};

/** No tenant may fill more than a quarter of the spool, so that it takes more than four. */
const TENANTS = [...Object.values(OF_TENANTS).map(({ tenant }) => tenant), 't-well', 't-other'];
const MAX_SPOOL = '8MB';

describe('a fault', function () {
  this.timeout(SEEN_WITHIN_MS + GONE_WITHIN_MS);
  let node: WatchedNode;
  let receivers: Readonly<Record<'well' | 'slow' | 'failing', Receiver>>;
  let tokens: Readonly<Record<string, string>>;
  let sent = 0;
  const stopping = new AbortController();
  const loads: { stop(): Promise<void> }[] = [];

  before(async function () {
    this.timeout(480 * SECOND);
    const prometheus = neededTool(this, 'prometheus');
    const chromium = chromiumBinary();
    if (chromium === undefined) {
      console.log('      skipped: there is no chromium (Debian: apt-get install chromium)');
      return this.skip();
    }
    receivers = { well: await startReceiver(), slow: await startReceiver(), failing: await startReceiver() };
    const tenants = Object.fromEntries(TENANTS.map((tenant) => [tenant, fileOf(tenant)]));
    const env = { HEADGATE_MAX_SPOOL: MAX_SPOOL };
    node = await startWatchedNode({ prometheus, chromium, tenants, env });
    const signed = TENANTS.map(async (tenant) => [
      tenant,
      await tokenFor(node.dataDir, tenant, 'events:write'),
    ]);
    tokens = Object.fromEntries(await Promise.all(signed)) as Record<string, string>;
    // What all tenants send all the time.
    for (const tenant of TENANTS) repeat(4 * SECOND, () => send(tenant, [order()]));
    await until(async () => {
      const delivered = await node.prometheus.query('headgate_deliveries_total{outcome="delivered"} > 3');
      assert.equal(delivered.length, 2 * TENANTS.length);
    }, 120 * SECOND);
    await isCalm(GONE_WITHIN_MS);
  });
  after(async () => {
    stopping.abort();
    await Promise.all(loads.map((load) => load.stop()));
    await node?.close();
    await Promise.all(Object.values(receivers ?? {}).map((each) => each.down()));
  });

  function repeat(everyMs: number, work: () => Promise<unknown>): { stop(): Promise<void> } {
    const own = new AbortController();
    const signal = AbortSignal.any([own.signal, stopping.signal]);
    const working = (async () => {
      while (!signal.aborted) {
        await work().catch(() => undefined);
        await delay(everyMs, undefined, { signal }).catch(() => undefined);
      }
    })();
    const load = {
      stop: async () => {
        own.abort();
        await working;
      },
    };
    loads.push(load);
    return load;
  }

  async function send(tenant: string, events: readonly object[]): Promise<number> {
    const response = await fetch(`${node.url}/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens[tenant]}`,
        'content-type': 'application/cloudevents-batch+json',
      },
      body: JSON.stringify(events),
    });
    await response.arrayBuffer();
    return response.status;
  }

  const order = (type = 'order', data: object = {}): object => ({
    specversion: '1.0',
    id: `e-${++sent}`,
    source: '/shop',
    type,
    subject: 'a',
    data,
  });

  const isOf = ({ tenant, subscription }: Fault, what: Readonly<Record<string, unknown>>): boolean =>
    what.tenant === tenant && what.subscription === subscription;

  /** When a fault that has begun is seen in each place; rejects where it is not within a minute. */
  async function sightOf(fault: Fault): Promise<Sight> {
    const began = performance.now();
    const first = async (where: string, look: () => Promise<boolean>): Promise<number> => {
      await until(async () => {
        const left = SEEN_WITHIN_MS - (performance.now() - began);
        assert.ok(
          await look(),
          `${named(fault.kinds[0], fault)} is not seen in the ${where}; ${left} ms are left`,
        );
      }, SEEN_WITHIN_MS);
      return performance.now() - began;
    };
    const [alert, metric, status, console] = await Promise.all([
      first('alerts', async () => (await node.firing()).includes(named(alertOf(fault), fault))),
      first('metrics', async () =>
        (await node.prometheus.query(fault.metric)).some((each) => isOf(fault, each.metric)),
      ),
      first('status', async () =>
        (await node.status()).problems.some(
          (each) => fault.kinds.includes(each.kind) && isOf(fault, { ...each }),
        ),
      ),
      first('console', async () => (await node.shown()).some((row) => isRowOf(row, fault))),
    ]);
    return { alert, metric, status, console };
  }

  const alertOf = ({ alerts: [first = ''] }: Fault): string => first;

  function isRowOf(row: string, { kinds, tenant, subscription }: Fault): boolean {
    const words = row.split(/\s+/);
    return (
      kinds.some((kind) => words.includes(kind)) &&
      [tenant, subscription].every((name) => name === undefined || words.includes(name))
    );
  }

  /** That what is seen is of these faults, and of nothing and nobody else. */
  async function assertNoOther(faults: readonly Fault[]): Promise<void> {
    const alerts = new Set(faults.flatMap((fault) => fault.alerts.map((alert) => named(alert, fault))));
    const kinds = new Set(faults.flatMap((fault) => fault.kinds.map((kind) => named(kind, fault))));
    const fires = (await node.firing()).filter((alert) => !alerts.has(alert));
    assert.deepEqual(fires, []);
    const { problems } = await node.status();
    const others = problems.filter((each) => !kinds.has(named(each.kind, each)));
    assert.deepEqual(others, []);
    const rows = (await node.shown()).filter((row) => /\bt-[a-z]+\b/.test(row));
    assert.deepEqual(
      rows.filter((row) => !faults.some((fault) => isRowOf(row, fault))),
      [],
    );
    for (const { metric, ...fault } of faults) {
      const found = await node.prometheus.query(metric);
      assert.deepEqual(
        found.filter((each) => !isOf({ ...fault, metric }, each.metric)).map((each) => each.metric),
        [],
      );
    }
  }

  async function isCalm(withinMs: number): Promise<void> {
    await until(async () => {
      assert.deepEqual(await node.firing(), []);
      const { problems, verdict } = await node.status();
      assert.deepEqual([problems, verdict], [[], 'well']);
      assert.deepEqual(
        (await node.shown()).filter((row) => /\bt-[a-z]+\b/.test(row)),
        [],
      );
    }, withinMs);
  }

  describe('of one subscription, or one tenant, while others have theirs', () => {
    const seen: Partial<Record<keyof typeof OF_TENANTS, Promise<PromiseSettledResult<Sight>[]>>> = {};
    const ends: (() => Promise<void> | void)[] = [];

    before(() => {
      receivers.slow.answer = () => delay(5 * SECOND, 204);
      receivers.failing.answer = () => ({ status: 500, body: 'no space' });
      const bulk = repeat(500, () =>
        send(
          't-costly',
          Array.from({ length: 60 }, () => order('bulk')),
        ),
      );
      const flood = repeat(500, () =>
        Promise.all(Array.from({ length: 10 }, () => send('t-flood', [order()]))),
      );
      ends.push(
        () => bulk.stop(),
        () => flood.stop(),
      );
      ends.push(() => void (receivers.slow.answer = receivers.failing.answer = () => 204));
      for (const [name, fault] of Object.entries(OF_TENANTS) as [keyof typeof OF_TENANTS, Fault][])
        seen[name] = Promise.allSettled([sightOf(fault)]);
    });

    for (const [name, fault] of Object.entries(OF_TENANTS) as [keyof typeof OF_TENANTS, Fault][])
      it(`${name}: is seen within a minute in alerts, metrics, status and console`, async () => {
        const [sight] = (await seen[name])!;
        if (sight?.status === 'rejected') throw sight.reason;
        for (const [where, ms] of Object.entries(sight!.value))
          assert.ok(ms <= SEEN_WITHIN_MS, `${where}: ${Math.round(ms / SECOND)} s after it began`);
        console.log(`      ${named(name, fault)} ${inSeconds(sight!.value)}`);
      });

    it('is seen of nobody else', () => assertNoOther(Object.values(OF_TENANTS)));

    it('is seen no more when it is over', async () => {
      for (const end of ends) await end();
      await isCalm(GONE_WITHIN_MS);
    });
  });

  describe('of Temporal, and then of the spool', () => {
    let filling: { stop(): Promise<void> } | undefined;

    it('Temporal away: is seen within a minute, and of no tenant', async () => {
      await node.stopTemporal();
      const sight = await sightOf(AWAY);
      await assertNoOther([AWAY]);
      console.log(`      away ${inSeconds(sight)}`);
    });

    it('a full spool: is seen within a minute, and of no tenant', async () => {
      const big = (): object => order('big', { text: randomBytes(100_000).toString('base64') });
      filling = repeat(200, () => Promise.all(TENANTS.map((tenant) => send(tenant, [big()]))));
      const sight = await sightOf(FULL_SPOOL);
      await until(async () => assert.equal(await send('t-well', [big()]), 503), SEEN_WITHIN_MS);
      await assertNoOther([AWAY, FULL_SPOOL]);
      console.log(`      full spool ${inSeconds(sight)}`);
    });

    it('both are seen no more when they are over', async () => {
      await filling?.stop();
      await node.startTemporal();
      await isCalm(GONE_WITHIN_MS);
    });
  });

  function fileOf(tenant: string): object {
    const of = tenant === 't-slow' ? 'slow' : tenant === 't-failing' ? 'failing' : 'well';
    const retry = { schedule: ['2s', '5s', ...Array.from({ length: 18 }, () => '10s')] };
    const subscription = (name: string, receiver: Receiver): object => ({
      name,
      kind: 'push',
      url: receiver.url,
      format: 'event',
      retry,
    });
    return {
      limits: tenant === 't-flood' ? { requestsPerSecond: 5 } : {},
      subscriptions: [subscription('crm', receivers[of]), subscription('bi', receivers.well)],
      routes: [
        { match: {}, to: ['crm'] },
        { match: { type: 'order' }, to: ['bi'] },
      ],
    };
  }
});

function inSeconds(sight: Sight): string {
  return Object.entries(sight)
    .map(([where, ms]) => `${where} ${Math.round(Number(ms) / SECOND)} s`)
    .join(', ');
}
