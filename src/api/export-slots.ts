import { HeadgateError } from '../errors.js';

/** Exports at once: each holds a batch of events in memory for as long as its reader takes. */
const PER_TENANT = 2;
const IN_ALL = 8;

/** Lets a few exports run at a time. */
export class ExportSlots {
  private readonly taken = new Map<string, number>();
  private all = 0;

  /**
   * Takes a place; returns what gives it back, once however often it is called.
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL`, `OVERLOADED`
   */
  take(tenant: string): () => void {
    const own = this.taken.get(tenant) ?? 0;
    const retry = { retryable: true, retryAfterSeconds: 10 };
    if (own >= PER_TENANT)
      throw new HeadgateError(
        'TENANT_IN_FLIGHT_FULL',
        `A tenant may have ${PER_TENANT} exports at once.`,
        retry,
      );
    if (this.all >= IN_ALL) throw new HeadgateError('OVERLOADED', 'Other exports have to end first.', retry);
    this.taken.set(tenant, own + 1);
    this.all++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.all--;
      const left = (this.taken.get(tenant) ?? 1) - 1;
      if (left === 0) this.taken.delete(tenant);
      else this.taken.set(tenant, left);
    };
  }
}
