/** What all tenants beyond the first few are called in metrics. */
export const OTHER_TENANTS = 'other';

/**
 * Bounds the label `tenant`: the first `max` tenants that are seen keep their names until the process ends, all others
 * are `other`. A time series costs memory here and in every system that scrapes it, and there may be thousands of tenants.
 */
export class TenantLabels {
  private readonly named = new Set<string>();

  constructor(private readonly max: number) {}

  /** The label that a tenant has, without giving it one. */
  find(tenant: string): string {
    return this.named.has(tenant) ? tenant : OTHER_TENANTS;
  }

  /** The label of a tenant that something has happened to. */
  of(tenant: string): string {
    if (this.named.has(tenant)) return tenant;
    if (this.named.size >= this.max) return OTHER_TENANTS;
    this.named.add(tenant);
    return tenant;
  }
}

/** The labels of a subscription, by its tenant's label. A tenant has some twenty at most, so that they are bounded as tenants are. */
export function subscriptionLabels(
  tenant: string,
  subscription: string,
): { readonly tenant: string; readonly subscription: string } {
  return { tenant, subscription: tenant === OTHER_TENANTS ? OTHER_TENANTS : subscription };
}
