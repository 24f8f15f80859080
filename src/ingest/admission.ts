import { HeadgateError } from '../errors.js';

/** A tenant's share of the door. */
export interface AdmissionLimits {
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What admission looks at besides the rates. */
export interface AdmissionOptions {
  readonly limitsOf: (tenant: string) => AdmissionLimits;
  /** A tenant's bytes that wait in the spool and, if any wait, since when (milliseconds since the epoch). */
  readonly backlogOf: (tenant: string) => { bytes: number; oldestAt?: number };
  /** Bytes that wait in the spool, of all tenants. */
  readonly spoolBytes: () => number;
  readonly maxSpoolBytes: number;
  /** Free bytes on the spool's disk, as last looked at. */
  readonly freeDiskBytes: () => number;
  readonly minFreeDiskBytes: number;
  /** Told the bytes of every request that is let in. */
  readonly onAdmitted?: (bytes: number) => void;
  readonly now?: () => number;
}

/** No tenant may fill more than this share of the spool, so that one whose batches are stuck leaves room for the others. */
const TENANT_SPOOL_SHARE = 0.25;
/** A bucket holds this many seconds of its rate: bursts are normal, sustained excess is not. */
const BURST_SECONDS = 2;

interface Bucket {
  events: number;
  bytes: number;
  at: number;
}

/**
 * Decides whether a request may come in, before anything is done for it: a token bucket per tenant for events and
 * bytes, the tenant's backlog in the spool, the spool as a whole, and the disk.
 */
export class Admission {
  private readonly buckets = new Map<string, Bucket>();
  private readonly now: () => number;

  constructor(private readonly options: AdmissionOptions) {
    this.now = options.now ?? Date.now;
  }

  /**
   * Takes the request's events and bytes from the tenant's bucket, or refuses it. A request larger than the bucket is
   * let in when the bucket is full, and leaves it in debt.
   * @throws HeadgateError `TENANT_RATE_LIMITED`, `TENANT_BACKLOG_FULL` (this tenant alone: 429), `OVERLOADED`, `DISK_FULL` (everyone: 503)
   */
  admit(tenant: string, events: number, bytes: number): void {
    this.checkSpool(bytes);
    this.checkBacklog(tenant, bytes);
    const limits = this.options.limitsOf(tenant);
    const bucket = this.refilled(tenant, limits);
    const waitSeconds = Math.max(
      shortfall(bucket.events, events, limits.eventsPerSecond),
      shortfall(bucket.bytes, bytes, limits.bytesPerSecond),
    );
    if (waitSeconds > 0) {
      const message = `Tenant ${tenant} is over its ${limits.eventsPerSecond} events/s or ${limits.bytesPerSecond} bytes/s.`;
      throw new HeadgateError('TENANT_RATE_LIMITED', message, {
        retryable: true,
        retryAfterSeconds: Math.ceil(waitSeconds),
      });
    }
    bucket.events -= events;
    bucket.bytes -= bytes;
    this.options.onAdmitted?.(bytes);
  }

  /** Forgets a tenant that is no longer configured. */
  forget(tenant: string): void {
    this.buckets.delete(tenant);
  }

  private checkSpool(bytes: number): void {
    if (this.options.freeDiskBytes() < this.options.minFreeDiskBytes) {
      throw new HeadgateError('DISK_FULL', "The disk of this node's spool is nearly full.", {
        retryable: true,
        retryAfterSeconds: 30,
      });
    }
    if (this.options.spoolBytes() + bytes > this.options.maxSpoolBytes) {
      throw new HeadgateError('OVERLOADED', 'The spool of this node is full.', {
        retryable: true,
        retryAfterSeconds: 10,
      });
    }
  }

  private checkBacklog(tenant: string, bytes: number): void {
    const backlog = this.options.backlogOf(tenant).bytes + bytes;
    if (backlog <= this.options.maxSpoolBytes * TENANT_SPOOL_SHARE) return;
    const message = `Tenant ${tenant} has more events waiting than its share of the spool.`;
    throw new HeadgateError('TENANT_BACKLOG_FULL', message, { retryable: true, retryAfterSeconds: 10 });
  }

  private refilled(tenant: string, limits: AdmissionLimits): Bucket {
    const now = this.now();
    const full = {
      events: limits.eventsPerSecond * BURST_SECONDS,
      bytes: limits.bytesPerSecond * BURST_SECONDS,
    };
    const bucket = this.buckets.get(tenant);
    if (bucket === undefined) {
      const made = { ...full, at: now };
      this.buckets.set(tenant, made);
      return made;
    }
    const seconds = Math.max(0, now - bucket.at) / 1000;
    bucket.events = Math.min(full.events, bucket.events + seconds * limits.eventsPerSecond);
    bucket.bytes = Math.min(full.bytes, bucket.bytes + seconds * limits.bytesPerSecond);
    bucket.at = now;
    return bucket;
  }
}

/** Seconds until the bucket has what is wanted of it; more than the bucket can hold is wanted only of a full one. */
function shortfall(held: number, wanted: number, perSecond: number): number {
  const needed = Math.min(wanted, perSecond * BURST_SECONDS);
  return held >= needed ? 0 : (needed - held) / perSecond;
}
