import { HeadgateError } from '../errors.js';
import { ELIGIBILITY, WAREHOUSE, type BuiltInKind } from '../tenants/subscription.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { SubscriptionState } from './status.js';

/** The subscriptions a tenant has without configuring them: its warehouse and, if it has rules, eligibility. */
export function builtInOf({ rules }: Pick<TenantConfig, 'rules'>): readonly BuiltInKind[] {
  return rules.length > 0 ? [WAREHOUSE, ELIGIBILITY] : [WAREHOUSE];
}

/** True when the tenant has a built-in subscription of this name. */
export function isBuiltIn(config: Pick<TenantConfig, 'rules'>, name: string): name is BuiltInKind {
  return builtInOf(config).some((kind) => kind === name);
}

/**
 * Refuses what makes no sense for a built-in subscription; says nothing about others.
 * @throws HeadgateError `SUBSCRIPTION_BUILT_IN`
 */
export function assertMayBecome(to: SubscriptionState, tenant: string, name: string): void {
  if (name === WAREHOUSE && to === 'draining')
    throw new HeadgateError(
      'SUBSCRIPTION_BUILT_IN',
      'The warehouse cannot be drained: every event that is acknowledged goes there. It can be paused.',
    );
  if (name === ELIGIBILITY)
    throw new HeadgateError(
      'SUBSCRIPTION_BUILT_IN',
      'Eligibility cannot be paused or drained: decisions are made before an event is acknowledged, and a pause would ' +
        `leave holes in the aggregates. To stop deciding, remove the rules from the tenant's file, ${tenant}.yaml, and apply it.`,
    );
}
