/** Who is in the way of more bytes: nobody, the tenant itself, or everyone together. */
export type InFlightVerdict = 'fits' | 'tenant' | 'node';

/**
 * What requests hold of something that all share, such as bytes of memory, until they are answered. Bounded by dynamic
 * thresholds: a tenant may hold as much as is still free. One tenant alone gets half of the bound, n greedy ones an
 * (n+1)th each, and there is always room left for one more.
 * @see "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", Choudhury and Hahne, 1998
 */
export class InFlight {
  private total = 0;
  private readonly held = new Map<string, number>();

  constructor(private readonly maxBytes: number) {}

  /** Bytes of all tenants. */
  get bytes(): number {
    return this.total;
  }

  /** Bytes of one tenant. */
  bytesOf(tenant: string): number {
    return this.held.get(tenant) ?? 0;
  }

  /** Whether a tenant may hold `more` bytes now. */
  verdict(tenant: string, more: number): InFlightVerdict {
    const free = this.maxBytes - this.total;
    if (more > free) return 'node';
    const held = this.bytesOf(tenant);
    // The first request of a tenant meets the bound of the node alone.
    return held > 0 && held + more > free ? 'tenant' : 'fits';
  }

  /** Adds bytes to what a tenant holds, or takes them off it. */
  change(tenant: string, bytes: number): void {
    const held = this.bytesOf(tenant) + bytes;
    if (held > 0) this.held.set(tenant, held);
    else this.held.delete(tenant);
    this.total += bytes;
  }
}
