import type { Client } from '@temporalio/client';
import type { PassActivities } from '../activities/deliveries/pass.js';
import type { PushControl, PushObserver } from '../activities/push/control.js';
import { createPushPass } from '../activities/push/push-pass.js';
import { Receivers } from '../activities/push/receivers.js';
import { signalWithStart } from '../activities/workflow/signal.js';
import { createWorkflowPass } from '../activities/workflow/workflow-pass.js';
import type { Config, SecretReader } from '../config.js';
import type { Turns } from '../platform/event-loop-turns.js';
import type { QueueNotes } from '../temporal/queue-rates.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics } from '../observability/metrics.js';
import type { SubscriptionControl } from '../subscriptions/control.js';
import { SubscriptionCosts, type SubscriptionCost } from '../subscriptions/costs.js';
import { SubscriptionFailures } from '../subscriptions/failing.js';
import type { UsageRecorder } from '../stores/usage/recorder.js';
import type { LoadedTenant, TenantRegistry } from '../tenants/config/registry.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { Tracing } from '../tracing/tracing.js';
import type { SharedStores } from './stores.js';

/** What {@link buildPasses} needs. */
export interface PassesOptions {
  readonly config: Pick<Config, 'pushAllow' | 'workflowQueues'>;
  readonly client: Client;
  readonly namespace: string;
  readonly registry: TenantRegistry;
  /** Shares the event loop between tenants. */
  readonly turns: Turns;
  readonly stores: SharedStores;
  readonly control: SubscriptionControl;
  readonly notes: QueueNotes;
  readonly secretOf: SecretReader;
  readonly configOf: (tenant: string) => TenantConfig;
  readonly metrics?: Metrics;
  readonly tracing?: Pick<Tracing, 'post'>;
  readonly usage: Pick<UsageRecorder, 'worked' | 'onShared'>;
  readonly log: Logger;
}

/** What tries to deliver, in a worker process. */
export interface Passes extends PassActivities {
  /** Passes take up nothing more, so that Workers may stop soon. */
  end(): void;
  /** Closes the connections to receivers. */
  close(): Promise<void>;
}

/** Builds the passes of a worker process. */
export function buildPasses(options: PassesOptions): Passes {
  const { config, registry, stores, configOf, metrics, log } = options;
  const receivers = new Receivers({ allow: config.pushAllow });
  const failures = new SubscriptionFailures({
    notes: options.notes,
    log,
    onNoted: (tenant, name) => options.control.changed(tenant, name),
  });
  const costs = watchCosts(options, failures);
  const ending = new AbortController();
  forgetRemoved(registry, (tenant, name) => {
    failures.forget(tenant, name);
    costs.forget(tenant, name);
    void receivers.forget(tenant, name);
  });
  return {
    pushPass: createPushPass({
      batchStore: stores.batchStore,
      deliveryLog: stores.deliveryLog,
      configOf,
      receivers,
      log,
      control: pushControl(options, failures),
      observer: pushObserver(options),
      tracing: options.tracing,
      secretOf: options.secretOf,
      ending: ending.signal,
    }),
    workflowPass: createWorkflowPass({
      batchStore: stores.batchStore,
      deliveryLog: stores.deliveryLog,
      configOf,
      log,
      queues: config.workflowQueues,
      turns: options.turns,
      signal: ({ tenant, subscription, batch: { stream } }, { target, row: { id, source } }, event) => {
        const { client, namespace } = options;
        const of = { stream, source, id };
        return signalWithStart(client, { tenant, subscription, target, of, event, namespace });
      },
      observe: (tenant, name, outcome) => {
        metrics?.deliveryTried(tenant, name, outcome);
        metrics?.deliveryActivity(tenant, name, outcome.seconds);
      },
      onTried: (tenant, name, tried) => failures.observe(tenant, name, tried),
      onFailures: (tenant, failures) => metrics?.expressionsFailed(tenant, failures),
      ending: ending.signal,
    }),
    end: () => ending.abort(),
    close: async () => {
      await failures.close();
      await receivers.close();
    },
  };
}

/** Forgets subscriptions that a change of the configuration has removed. */
function forgetRemoved(registry: TenantRegistry, forget: (tenant: string, name: string) => void): void {
  const namesOf = (loaded: LoadedTenant | undefined): string[] =>
    (loaded?.config.subscriptions ?? []).map(({ name }) => name);
  const known = new Map(registry.list().map((loaded) => [loaded.config.tenant, namesOf(loaded)]));
  registry.onChange(({ tenant, loaded }) => {
    const names = namesOf(loaded);
    for (const name of known.get(tenant) ?? []) if (!names.includes(name)) forget(tenant, name);
    if (loaded === undefined) known.delete(tenant);
    else known.set(tenant, names);
  });
}

/** What passes report of a receiver becomes the rate of its subscription's queue. */
function pushControl({ control, log }: PassesOptions, failures: SubscriptionFailures): PushControl {
  return {
    isStopped: (tenant, name) => control.isStopped(tenant, name),
    observe: (tenant, name, { state, failedShare, requests }) => {
      if (state === 'half-open') return;
      const share = `${Math.round(failedShare * 100)}% of ${requests} requests in 5 minutes have failed`;
      return control.breaker(tenant, name, state === 'open', share);
    },
    fault: (tenant, name, fault) => control.fault(tenant, name, fault),
    disable: (tenant, name, reason) => {
      const why =
        reason === 'gone' ? 'its endpoint answered 410 Gone' : 'its endpoint has failed for a day and more';
      return control.disable(tenant, name, why);
    },
    tried: (tenant, name, tried) => failures.observe(tenant, name, tried),
    resumed: (tenant, name) => control.forget(tenant, name),
    alert: (tenant, subscription, level, { consecutiveFailures }) =>
      log.warn('ENDPOINT_KEEPS_FAILING', { tenant, subscription, percent: level, consecutiveFailures }),
  };
}

/** Work of a request to a webhook, in the units of shares of CPU time: it is formed, signed, sent, and its answer read. */
const REQUEST_WORK = 10;

/** Follows what the CPU time of this process is spent on, by subscription. */
function watchCosts({ usage, metrics }: PassesOptions, failures: SubscriptionFailures): SubscriptionCosts {
  const costs = new SubscriptionCosts((...cost) => failures.observeCost(...cost));
  usage.onShared((shares, elapsedMs) => {
    const own = shares.filter((each): each is SubscriptionCost => each.subscription !== undefined);
    for (const { tenant, subscription, cpuMicros } of own)
      metrics?.subscriptionCpu(tenant, subscription, cpuMicros / 1e6);
    costs.add(own, elapsedMs);
  });
  return costs;
}

function pushObserver({ metrics, usage }: PassesOptions): PushObserver {
  return {
    requested: (tenant, name, { ok, events, ...request }) => {
      usage.worked(tenant, name, REQUEST_WORK);
      const outcome = ok ? { delivered: events, failed: 0 } : { delivered: 0, failed: events };
      metrics?.deliveryTried(tenant, name, { ...outcome, ...request });
    },
    passed: (tenant, name, seconds) => metrics?.deliveryActivity(tenant, name, seconds),
  };
}
