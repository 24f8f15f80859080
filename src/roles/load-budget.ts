import { claimedLoads } from '../activities/warehouse/load-control/claimed-loads.js';
import type { BudgetedTenant } from '../activities/warehouse/load-control/job-counts.js';
import { LoadBudget } from '../activities/warehouse/load-control/load-budget.js';
import type { Logger } from '../platform/logger.js';
import type { LoadClaims } from '../stores/load-claims/load-claims.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import { isByJobs } from '../tenants/config/warehouse-config.js';

/** What {@link openLoadBudget} needs. */
export interface LoadBudgetParts {
  readonly registry: Pick<TenantRegistry, 'list'>;
  readonly claims: Pick<LoadClaims, 'times'>;
  readonly log: Pick<Logger, 'warn' | 'info'>;
}

/** The budget of load jobs of all tenants in BigQuery; it has not looked yet what has been used of it. */
export function openLoadBudget({ registry, claims, log }: LoadBudgetParts): LoadBudget {
  return new LoadBudget({
    tenants: () => tenantsInBigQuery(registry),
    loadsSince: claimedLoads(claims),
    log,
  });
}

/** The tenants whose warehouse is in BigQuery and loaded by jobs, and the project that runs them. */
export function tenantsInBigQuery(registry: Pick<TenantRegistry, 'list'>): BudgetedTenant[] {
  return registry.list().flatMap(({ config: { tenant, warehouse } }) => {
    return isByJobs(warehouse) ? [{ tenant, project: warehouse.project }] : [];
  });
}
