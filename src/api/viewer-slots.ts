import { refusal } from '../ingest/admission/refusal.js';

/** Streams at once that one tenant or operator may follow, and all together. */
const PER_VIEWER = 20;
const IN_ALL = 500;
const RETRY_AFTER_SECONDS = 10;

/** Lets some follow what goes on: each has a connection, and a message every few seconds. */
export class ViewerSlots {
  private readonly taken = new Map<string, number>();
  private total = 0;

  /**
   * Takes a place; returns what gives it back, once however often it is called.
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL`, `OVERLOADED`
   */
  take(viewer: string): () => void {
    const own = this.taken.get(viewer) ?? 0;
    if (own >= PER_VIEWER)
      throw refusal('TENANT_IN_FLIGHT_FULL', `${PER_VIEWER} streams are open.`, RETRY_AFTER_SECONDS);
    if (this.total >= IN_ALL) throw refusal('OVERLOADED', 'Too many streams are open.', RETRY_AFTER_SECONDS);
    this.change(viewer, 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.change(viewer, -1);
    };
  }

  private change(viewer: string, by: number): void {
    const own = (this.taken.get(viewer) ?? 0) + by;
    if (own > 0) this.taken.set(viewer, own);
    else this.taken.delete(viewer);
    this.total += by;
  }
}
