import type { Chunk } from './lane.js';

/** What a {@link Release} needs. */
export interface ReleaseOptions {
  /** Deletes chunks of one lane from the spool. */
  readonly remove: (chunks: readonly Chunk[]) => Promise<void>;
  /** Up to where a tenant's events are in the durable state, at start. */
  readonly watermarkOf: (tenant: string) => number;
  /** Told when chunks could not be deleted; they stay until the next start. */
  readonly onError: (error: unknown) => void;
}

interface Tenant {
  watermark: number;
  /** Handed over, but not in the durable state yet. */
  waiting: Chunk[];
}

/** Lets the spool delete a chunk once both have it: Temporal, and the durable state. */
export class Release {
  private readonly tenants = new Map<string, Tenant>();

  constructor(private readonly options: ReleaseOptions) {}

  /** Temporal has these chunks of one lane. */
  handedOver(chunks: readonly Chunk[]): void {
    const [first] = chunks;
    if (first === undefined) return;
    const tenant = this.tenantOf(first.tenant);
    tenant.waiting.push(...chunks);
    this.releaseOf(tenant);
  }

  /** The durable state has each tenant's events up to its watermark. */
  durable(watermarks: ReadonlyMap<string, number>): void {
    for (const [name, watermark] of watermarks) {
      const tenant = this.tenantOf(name);
      tenant.watermark = watermark;
      this.releaseOf(tenant);
    }
  }

  private tenantOf(name: string): Tenant {
    let tenant = this.tenants.get(name);
    if (tenant === undefined)
      this.tenants.set(name, (tenant = { watermark: this.options.watermarkOf(name), waiting: [] }));
    return tenant;
  }

  private releaseOf(tenant: Tenant): void {
    const due = tenant.waiting.filter(({ seq }) => seq <= tenant.watermark);
    if (due.length === 0) return;
    tenant.waiting = tenant.waiting.filter(({ seq }) => seq > tenant.watermark);
    for (const chunks of byStream(due)) this.options.remove(chunks).catch(this.options.onError);
  }
}

function byStream(chunks: readonly Chunk[]): Chunk[][] {
  const streams = new Map<string, Chunk[]>();
  for (const chunk of chunks) {
    const found = streams.get(chunk.stream);
    if (found === undefined) streams.set(chunk.stream, [chunk]);
    else found.push(chunk);
  }
  return [...streams.values()];
}
