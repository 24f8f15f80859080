/** Bytes of batch files that a process may hold for consumers, in all and for one tenant. */
export interface HeldBytesLimits {
  /** Default 256 MB. */
  readonly total: number;
  /** Default 64 MB: a tenant with many subscriptions must leave room for the others. */
  readonly perTenant: number;
}

const LIMITS: HeldBytesLimits = { total: 256_000_000, perTenant: 64_000_000 };

/**
 * Counts what is held. No leased batch is taken beyond a limit; since nobody knows a leased batch's size before, the last
 * one may exceed it.
 */
export class HeldBytes {
  private total = 0;
  private readonly byTenant = new Map<string, number>();

  constructor(private readonly limits: HeldBytesLimits = LIMITS) {}

  hasRoom(tenant: string): boolean {
    return this.total < this.limits.total && (this.byTenant.get(tenant) ?? 0) < this.limits.perTenant;
  }

  /** @param bytes negative for what is let go */
  add(tenant: string, bytes: number): void {
    this.total += bytes;
    const held = (this.byTenant.get(tenant) ?? 0) + bytes;
    if (held > 0) this.byTenant.set(tenant, held);
    else this.byTenant.delete(tenant);
  }
}
