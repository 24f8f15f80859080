/**
 * Requests whose events have their time of receipt, but no place in the spool yet: their checks or their tenant's turn take
 * longer than one turn of the event loop. Most requests are never among them.
 */
export class Arrivals {
  private readonly tenants = new Map<string, Set<Promise<unknown>>>();

  /** Notes what a tenant's request waits for, until that has ended. */
  add(tenant: string, taking: Promise<unknown>): void {
    const own = this.tenants.get(tenant) ?? new Set();
    this.tenants.set(tenant, own.add(taking));
    const forget = (): void => {
      own.delete(taking);
      if (own.size === 0) this.tenants.delete(tenant);
    };
    taking.then(forget, forget);
  }

  /** Waits until those of a tenant that have come so far have their places, or are refused. */
  async settledOf(tenant: string): Promise<void> {
    await Promise.allSettled(this.tenants.get(tenant) ?? []);
  }
}
