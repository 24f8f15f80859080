import type { TenantRegistry } from './registry.js';
import { tenantInVariables } from './secret-reference.js';

/** Knows which tenants would have the same variables for their secrets. */
export class SecretOwners {
  /** By the tenant as it stands in variables. */
  private readonly tenants = new Map<string, Set<string>>();

  /** Follows a registry. */
  constructor(registry: Pick<TenantRegistry, 'list' | 'onChange'>) {
    for (const { config } of registry.list()) this.add(config.tenant);
    registry.onChange(({ kind, tenant }) => {
      if (kind === 'removed') this.tenants.get(tenantInVariables(tenant))?.delete(tenant);
      else this.add(tenant);
    });
  }

  /** Another tenant whose variables would be the same, if there is one: as `acme` and `ACME`, `a-b` and `a_b`. */
  sharing(tenant: string): string | undefined {
    return [...(this.tenants.get(tenantInVariables(tenant)) ?? [])].find((other) => other !== tenant);
  }

  private add(tenant: string): void {
    const name = tenantInVariables(tenant);
    this.tenants.set(name, (this.tenants.get(name) ?? new Set()).add(tenant));
  }
}
