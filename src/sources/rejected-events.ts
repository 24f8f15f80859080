import { clipToJsonBytes } from '../platform/clip.js';
import { DAY_MS } from '../platform/time.js';

/** An event that a source sent and that was not taken. */
export interface RejectedEvent {
  /** RFC 3339, UTC: when it came. */
  readonly receivedAt: string;
  /** The name of the source; absent where it came with a token. */
  readonly source?: string;
  /** Its id, where it has one that can be read; shortened. */
  readonly id?: string;
  /** Why it was not taken: a code, and the same in words. */
  readonly code: string;
  readonly reason: string;
  /** The event as it was sent, shortened: JSON that may end in an ellipsis. */
  readonly event: string;
}

/** What of a rejected event is kept. */
export type Rejected = Omit<RejectedEvent, 'receivedAt'>;

/** Kept of a tenant, the newest. */
const MOST_OF_TENANT = 200;
/** Of all tenants: those of the tenant that has had none for longest go first. */
const MOST_TENANTS = 500;
const MOST_EVENT_BYTES = 1_000;
const MOST_TEXT_BYTES = 300;
const KEEP_MS = DAY_MS;

/**
 * Events that clients of analytics have sent and that were not taken: no such client reads what became of one event, so
 * they are kept for a day, for people to look at. In memory, of this process: a hundred thousand at most, of 2 KB each.
 */
export class RejectedEvents {
  private readonly kept = new Map<string, RejectedEvent[]>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Keeps one of a tenant, shortened. */
  add(tenant: string, { source, id, code, reason, event }: Rejected): void {
    const ofTenant = this.kept.get(tenant) ?? [];
    ofTenant.push({
      receivedAt: new Date(this.now()).toISOString(),
      source,
      id: id === undefined ? undefined : clipped(id, MOST_TEXT_BYTES),
      code,
      reason: clipped(reason, MOST_TEXT_BYTES),
      event: clipped(event, MOST_EVENT_BYTES),
    });
    // Not one by one: each would move all that are kept.
    if (ofTenant.length >= 2 * MOST_OF_TENANT) ofTenant.splice(0, ofTenant.length - MOST_OF_TENANT);
    this.kept.delete(tenant);
    this.kept.set(tenant, ofTenant);
    if (this.kept.size > MOST_TENANTS) this.kept.delete(this.kept.keys().next().value!);
  }

  /** Those of a tenant, the newest first. @param source of this one alone */
  list(tenant: string, source?: string): readonly RejectedEvent[] {
    const since = new Date(this.now() - KEEP_MS).toISOString();
    const ofTenant = (this.kept.get(tenant) ?? []).slice(-MOST_OF_TENANT);
    const recent = ofTenant.filter(({ receivedAt }) => receivedAt >= since);
    if (recent.length === 0) this.kept.delete(tenant);
    return recent.filter((each) => source === undefined || each.source === source).reverse();
  }
}

/** Cut before it is looked at: an event may have 256 KB. */
function clipped(text: string, maxBytes: number): string {
  return clipToJsonBytes(text.slice(0, maxBytes + 1), maxBytes);
}
