import { Gauge, type Registry } from 'prom-client';
import { subscriptionLabels, type TenantLabels } from './tenant-labels.js';
import { secondsSince } from '../platform/time.js';

/** How far a subscription is behind, and how it stands. */
export interface LagReading {
  readonly tenant: string;
  readonly subscription: string;
  /** Age of the oldest batch on its way to it. */
  readonly oldestSeconds: number;
  /** Batches on their way to it. */
  readonly batches: number;
  /** Events of those batches. Absent where that is not known. */
  readonly events?: number;
  readonly status: { readonly state: string };
  /** When it was asked how it stands; absent while that is not known. */
  readonly askedAt?: number;
  /** There while what it is given fails. */
  readonly failing?: { readonly since: string };
}

type Labels = ReturnType<typeof subscriptionLabels>;
type Fold = (known: number | undefined, lag: LagReading) => number | undefined;

/** Of the tenants without a label of their own the furthest behind is shown, and what waits for all. One that is behind, fails or is stopped gets a label. */
export function addLags(
  registry: Registry,
  lags: () => Promise<readonly LagReading[]>,
  tenants: TenantLabels,
): void {
  const labelOf = (lag: LagReading): string => {
    const isSilent = lag.batches === 0 && lag.failing === undefined && lag.status.state === 'active';
    return isSilent ? tenants.find(lag.tenant) : tenants.of(lag.tenant);
  };
  addAmounts(registry, lags, labelOf);
  addStates(registry, lags, labelOf);
}

function addAmounts(
  registry: Registry,
  lags: () => Promise<readonly LagReading[]>,
  labelOf: (lag: LagReading) => string,
): void {
  const add = (name: string, help: string, fold: Fold): void => {
    const collect = async function (this: Gauge<'tenant' | 'subscription'>): Promise<void> {
      const folded = new Map<string, { labels: Labels; value: number | undefined }>();
      for (const lag of await lags()) {
        const labels = subscriptionLabels(labelOf(lag), lag.subscription);
        const key = `${labels.tenant}/${labels.subscription}`;
        folded.set(key, { labels, value: fold(folded.get(key)?.value, lag) });
      }
      this.reset();
      for (const { labels, value } of folded.values()) if (value !== undefined) this.set(labels, value);
    };
    new Gauge({ name, help, labelNames: ['tenant', 'subscription'], registers: [registry], collect });
  };
  add(
    'headgate_subscription_oldest_undelivered_seconds',
    'Age of the oldest batch on its way to a subscription, those that pause between attempts included; for the warehouse, of the oldest load window',
    (known = 0, { oldestSeconds }) => Math.max(known, oldestSeconds),
  );
  add(
    'headgate_subscription_undelivered_batches',
    'Batches on their way to a subscription, those that pause between attempts included; for the warehouse, load windows',
    (known = 0, { batches }) => known + batches,
  );
  add(
    'headgate_subscription_undelivered_events',
    'Events of the batches on their way to a subscription; a batch that is delivered in part counts as a whole',
    (known, { events }) => (events === undefined ? known : (known ?? 0) + events),
  );
  add(
    'headgate_subscription_failing_seconds',
    'For how long every try to deliver to a subscription has failed; 0 while the last one has not',
    (known = 0, { failing }) =>
      Math.max(known, failing === undefined ? 0 : secondsSince(Date.parse(failing.since))),
  );
}

/** A state in which no subscription is has no series: there are five of each. */
function addStates(
  registry: Registry,
  lags: () => Promise<readonly LagReading[]>,
  labelOf: (lag: LagReading) => string,
): void {
  new Gauge({
    name: 'headgate_subscription_state',
    help: 'How subscriptions stand: 1 for the state that one is in',
    labelNames: ['tenant', 'subscription', 'state'],
    registers: [registry],
    async collect() {
      const read = await lags();
      this.reset();
      for (const lag of read) {
        if (lag.askedAt === undefined) continue;
        const labels = subscriptionLabels(labelOf(lag), lag.subscription);
        this.inc({ ...labels, state: lag.status.state });
      }
    },
  });
}
