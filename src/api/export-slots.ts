import { InFlight } from '../ingest/admission/in-flight.js';
import { refusal } from '../ingest/admission/refusal.js';

/** Exports at once: each holds a batch of events in memory for as long as its reader takes. */
const PER_TENANT = 2;
const IN_ALL = 8;
const RETRY_AFTER_SECONDS = 10;

/** Lets a few exports run at a time. A tenant's second one may not take what others need: see {@link InFlight}. */
export class ExportSlots {
  private readonly taken = new InFlight(IN_ALL);

  /**
   * Takes a place; returns what gives it back, once however often it is called.
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL`, `OVERLOADED`
   */
  take(tenant: string): () => void {
    const verdict = this.taken.bytesOf(tenant) < PER_TENANT ? this.taken.verdict(tenant, 1) : 'tenant';
    if (verdict === 'tenant') {
      const message = `A tenant may have ${PER_TENANT} exports at once, and 1 while others need the places.`;
      throw refusal('TENANT_IN_FLIGHT_FULL', message, RETRY_AFTER_SECONDS);
    }
    if (verdict === 'node')
      throw refusal('OVERLOADED', 'Other exports have to end first.', RETRY_AFTER_SECONDS);
    this.taken.change(tenant, 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.taken.change(tenant, -1);
    };
  }
}
