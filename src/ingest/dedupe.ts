import { FINGERPRINT_BYTES } from './fingerprint.js';
import { FingerprintSet } from './fingerprint-set.js';
import { HOUR_MS } from '../platform/time.js';

/** A busy partition starts another bucket within the hour, so that memory is given back in pieces of some 15 MB. */
const MAX_BUCKET_ENTRIES = 700_000;

/** Meaning and limits of a {@link Dedupe}. */
export interface DedupeOptions {
  /** How long an event is remembered, in milliseconds. Default 24 hours. */
  readonly windowMs?: number;
  /** Memory for all fingerprints together; when it is used up the partition that holds most forgets its oldest bucket. Default 256 MB. */
  readonly maxBytes?: number;
  /** The clock that ids expire by, milliseconds since the epoch. Default: this machine's. */
  readonly now?: () => number;
}

interface Bucket {
  readonly hour: number;
  readonly prints: FingerprintSet;
}

/**
 * Remembers the events of each partition (a tenant's stream) in buckets of an hour at most. It holds what the spool has kept of the
 * window, so it can be rebuilt at start; events older than it remembers are caught by the warehouse's views.
 */
export class Dedupe {
  readonly windowMs: number;
  private readonly maxBytes: number;
  /** The clock that ids expire by, milliseconds since the epoch. */
  readonly now: () => number;
  private readonly partitions = new Map<string, Bucket[]>();
  private held = 0;

  constructor(options: DedupeOptions = {}) {
    this.windowMs = options.windowMs ?? 24 * HOUR_MS;
    this.maxBytes = options.maxBytes ?? 256 * 1024 * 1024;
    this.now = options.now ?? Date.now;
  }

  /** True when the partition has seen the fingerprint at `offset` of `prints` within the window. */
  has(partition: string, prints: Buffer, offset: number): boolean {
    const buckets = this.partitions.get(partition);
    if (buckets === undefined) return false;
    for (const bucket of buckets) if (bucket.prints.has(prints, offset)) return true;
    return false;
  }

  /** True when the partition remembers anything at all. */
  knows(partition: string): boolean {
    return this.partitions.has(partition);
  }

  /**
   * Remembers all fingerprints in `prints`, received at `time` (milliseconds since the epoch). What seems to have been received
   * later than now came while the clock was ahead, and counts as received now.
   */
  addAll(partition: string, prints: Buffer, time: number): void {
    const hour = Math.floor(Math.min(time, this.now()) / HOUR_MS);
    let bucket = this.bucketOf(partition, hour);
    for (let offset = 0; offset < prints.length; offset += FINGERPRINT_BYTES) {
      if (bucket.prints.size >= MAX_BUCKET_ENTRIES) bucket = this.bucketOf(partition, hour);
      const before = bucket.prints.bytes;
      bucket.prints.add(prints, offset);
      this.held += bucket.prints.bytes - before;
    }
    while (this.held > this.maxBytes && this.forgetOldestOfLargest(bucket));
  }

  /** Bytes held by all fingerprints. */
  get bytes(): number {
    return this.held;
  }

  /** Newest bucket first: most duplicates are retries of something recent. */
  private bucketOf(partition: string, hour: number): Bucket {
    const buckets = this.partitions.get(partition) ?? [];
    const found = buckets.find((bucket) => bucket.hour === hour && bucket.prints.size < MAX_BUCKET_ENTRIES);
    if (found !== undefined) return found;
    const bucket = { hour, prints: new FingerprintSet() };
    const kept = [bucket, ...buckets].sort((left, right) => right.hour - left.hour);
    this.partitions.set(partition, kept);
    this.held += bucket.prints.bytes;
    this.expireIn(partition, kept, hour);
    return bucket;
  }

  /**
   * Drops what has left the window in every partition: those that are idle begin no bucket by which they would.
   * @param now milliseconds since the epoch
   */
  expire(now = this.now()): void {
    for (const [partition, buckets] of [...this.partitions])
      this.expireIn(partition, buckets, Math.floor(now / HOUR_MS));
  }

  /** Of one partition alone: no partition's times, which a wrong clock may have given, decide on another's. */
  private expireIn(partition: string, buckets: Bucket[], hour: number): void {
    const oldest = hour - Math.ceil(this.windowMs / HOUR_MS);
    const kept = buckets.filter((bucket) => bucket.hour >= oldest);
    this.held -= bytesOf(buckets) - bytesOf(kept);
    if (kept.length === 0) this.partitions.delete(partition);
    else if (kept.length < buckets.length) this.partitions.set(partition, kept);
  }

  /** All but the bucket in use may go, also a partition's only one: many partitions at once must not outgrow memory. */
  private forgetOldestOfLargest(inUse: Bucket): boolean {
    let largest: Bucket[] = [];
    for (const buckets of this.partitions.values()) {
      if (buckets.at(-1) !== inUse && bytesOf(buckets) > bytesOf(largest)) largest = buckets;
    }
    const forgotten = largest.pop();
    this.held -= forgotten?.prints.bytes ?? 0;
    return forgotten !== undefined;
  }
}

function bytesOf(buckets: readonly Bucket[]): number {
  return buckets.reduce((sum, bucket) => sum + bucket.prints.bytes, 0);
}
