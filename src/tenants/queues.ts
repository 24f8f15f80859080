import { assertSubscriptionName, assertTenantId } from './ids.js';

/** How a tenant's workflows are run: on its process group's shared queue, or on a queue and Worker of its own. */
export type Isolation = (typeof ISOLATIONS)[number];

/** Each of them. */
export const ISOLATIONS = ['pooled', 'dedicated'] as const;

/** The pool that a process group's pooled tenants share. One group for now. */
const POOL = 0;

/** The shared workflow task queue of pooled tenants. */
export function poolQueue(): string {
  return `pool.${POOL}`;
}

/** A tenant's own task queue: its activities always, its workflows too if it is dedicated. */
export function tenantQueue(tenant: string): string {
  return `tenant.${assertTenantId(tenant)}`;
}

/** The queue of what only the process can do that owns the state beside a spool; `node` is the spool's. */
export function stateQueue(node: string): string {
  return `headgate.state.${node}`;
}

/** The queue a tenant's workflows start on. */
export function workflowQueue(tenant: string, isolation: Isolation): string {
  return isolation === 'dedicated' ? tenantQueue(tenant) : poolQueue();
}

/** A subscription's own task queue. */
export function subscriptionQueue(tenant: string, subscription: string): string {
  return `tenant.${assertTenantId(tenant)}.sub.${assertSubscriptionName(subscription)}`;
}
