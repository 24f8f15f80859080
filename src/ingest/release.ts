import type { InputStream } from '../events/event.js';
import { ChunkQueue } from '../events/chunk-queue.js';
import type { Chunk } from '../events/chunk.js';

/** What a {@link Release} needs. */
export interface ReleaseOptions {
  /** Deletes chunks of one partition from the spool. */
  readonly remove: (chunks: readonly Chunk[]) => Promise<void>;
  /** Up to where a tenant's events are in the durable state, at start. */
  readonly watermarkOf: (tenant: string) => number;
  /** Told when chunks could not be deleted; they stay until the next start. */
  readonly onError: (error: unknown) => void;
}

interface Tenant {
  watermark: number;
  /** By stream: handed over, but not in the durable state yet. */
  readonly waiting: Map<InputStream, ChunkQueue>;
}

/** Chunks deleted in one transaction, at most: after a crash a partition may have many, and their fingerprints are read for it. */
const RELEASED_AT_ONCE = 1_000;

/**
 * Lets the spool delete a chunk once both have it: Temporal, and the durable state. A partition's chunks are handed over in
 * order, so the ones that may go are always at its front.
 */
export class Release {
  private readonly tenants = new Map<string, Tenant>();

  constructor(private readonly options: ReleaseOptions) {}

  /** Temporal has these chunks, of any partitions. */
  handedOver(chunks: Iterable<Chunk>): void {
    const tenants = new Set<Tenant>();
    for (const chunk of chunks) {
      const tenant = this.tenantOf(chunk.tenant);
      let waiting = tenant.waiting.get(chunk.stream);
      if (waiting === undefined) tenant.waiting.set(chunk.stream, (waiting = new ChunkQueue()));
      waiting.push(chunk);
      tenants.add(tenant);
    }
    for (const tenant of tenants) this.releaseOf(tenant);
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
      this.tenants.set(name, (tenant = { watermark: this.options.watermarkOf(name), waiting: new Map() }));
    return tenant;
  }

  private releaseOf({ waiting, watermark }: Tenant): void {
    for (const partition of waiting.values()) {
      let due = partition.count(({ seq }) => seq <= watermark);
      for (; due > 0; due -= RELEASED_AT_ONCE)
        this.options.remove(partition.take(Math.min(due, RELEASED_AT_ONCE))).catch(this.options.onError);
    }
  }
}
