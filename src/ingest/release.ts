import { ChunkQueue } from './chunk-queue.js';
import { laneKey, type Chunk } from './lane.js';

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
  /** By lane: handed over, but not in the durable state yet. */
  readonly waiting: Map<string, ChunkQueue>;
}

/** Chunks deleted in one transaction, at most: after a crash a lane may have many, and their fingerprints are read for it. */
const RELEASED_AT_ONCE = 1_000;

/**
 * Lets the spool delete a chunk once both have it: Temporal, and the durable state. A lane's chunks are handed over in
 * order, so the ones that may go are always at its front.
 */
export class Release {
  private readonly tenants = new Map<string, Tenant>();

  constructor(private readonly options: ReleaseOptions) {}

  /** Temporal has these chunks of one lane. */
  handedOver(chunks: readonly Chunk[]): void {
    const [first] = chunks;
    if (first === undefined) return;
    const tenant = this.tenantOf(first.tenant);
    const lane = laneKey(first.tenant, first.stream);
    let waiting = tenant.waiting.get(lane);
    if (waiting === undefined) tenant.waiting.set(lane, (waiting = new ChunkQueue()));
    for (const chunk of chunks) waiting.push(chunk);
    this.releaseOf(waiting, tenant.watermark);
  }

  /** The durable state has each tenant's events up to its watermark. */
  durable(watermarks: ReadonlyMap<string, number>): void {
    for (const [name, watermark] of watermarks) {
      const tenant = this.tenantOf(name);
      tenant.watermark = watermark;
      for (const waiting of tenant.waiting.values()) this.releaseOf(waiting, watermark);
    }
  }

  private tenantOf(name: string): Tenant {
    let tenant = this.tenants.get(name);
    if (tenant === undefined)
      this.tenants.set(name, (tenant = { watermark: this.options.watermarkOf(name), waiting: new Map() }));
    return tenant;
  }

  private releaseOf(waiting: ChunkQueue, watermark: number): void {
    let due = waiting.count(({ seq }) => seq <= watermark);
    for (; due > 0; due -= RELEASED_AT_ONCE)
      this.options.remove(waiting.take(Math.min(due, RELEASED_AT_ONCE))).catch(this.options.onError);
  }
}
