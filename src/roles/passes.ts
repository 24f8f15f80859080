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
import { SubscriptionFailures } from '../subscriptions/failing.js';
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
  const failures = new SubscriptionFailures({ notes: options.notes, log });
  const ending = new AbortController();
  forgetRemoved(registry, (tenant, name) => {
    failures.forget(tenant, name);
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
      observer: pushObserver(metrics),
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

function pushObserver(metrics: Metrics | undefined): PushObserver {
  return {
    requested: (tenant, name, { ok, events, ...request }) => {
      const outcome = ok ? { delivered: events, failed: 0 } : { delivered: 0, failed: events };
      metrics?.deliveryTried(tenant, name, { ...outcome, ...request });
    },
    passed: (tenant, name, seconds) => metrics?.deliveryActivity(tenant, name, seconds),
  };
}
