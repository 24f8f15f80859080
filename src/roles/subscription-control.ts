import { ownClient } from '../temporal/own-client.js';
import { createQueueRates } from '../temporal/queue-rates.js';
import type { Config, SecretReader } from '../config.js';
import type { Temporal } from '../temporal/temporal.js';
import type { Logger } from '../platform/logger.js';
import { SubscriptionAlerts } from '../subscriptions/alerts.js';
import { SubscriptionControl } from '../subscriptions/control.js';
import { createWakeDeliveries } from '../subscriptions/wake-deliveries.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import type { SharedStores } from './stores.js';
import { createSubscriptionFaults } from './subscription-faults.js';

/** What {@link openSubscriptionControl} needs. */
export interface SubscriptionControlParts {
  readonly temporal: Temporal;
  readonly registry: TenantRegistry;
  readonly stores: SharedStores;
  readonly config: Pick<Config, 'workflowQueues'>;
  readonly secretOf: SecretReader;
  readonly log: Logger;
}

/** The control of subscriptions, which alerts tenants by events of their own. */
export function openSubscriptionControl(parts: SubscriptionControlParts): {
  readonly control: SubscriptionControl;
  /** Gives up alerts that have not been handed over. */
  close(): Promise<void>;
} {
  const { registry, stores, log } = parts;
  const { connection, namespace } = parts.temporal;
  const configOf = (tenant: string) => registry.get(tenant)?.config;
  const wake = createWakeDeliveries(ownClient({ connection, namespace }), log);
  const control = new SubscriptionControl({
    rates: createQueueRates(connection, namespace),
    configOf,
    faultOf: createSubscriptionFaults(parts.config, configOf, parts.secretOf),
    onAlert: (alert) => alerts.raise(alert),
    onResumed: (...resumed) => void wake(...resumed),
    log,
  });
  const alerts = new SubscriptionAlerts({
    client: ownClient({ connection, namespace }),
    batchStore: stores.batchStore,
    log,
    tenantOf: (tenant) => registry.get(tenant),
    isDraining: (tenant, name) => control.isDraining(tenant, name),
  });
  return { control, close: () => alerts.close() };
}
