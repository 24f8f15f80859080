import { HeadgateError } from '../errors.js';

const MOST = 1_000;
/** Each of them waits for some seconds, so one that has to go need not come back at once. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Counts the consumers that wait for events, which hold a connection each: a tenant may have this number of them, on all
 * its subscriptions.
 */
export class LongPolls {
  private readonly waiting = new Map<string, number>();

  /** @param mostOfTenant default 1,000 */
  constructor(private readonly mostOfTenant = MOST) {}

  /**
   * Counts a consumer of the tenant for as long as it waits.
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL`
   */
  async count<T>(tenant: string, wait: () => Promise<T>): Promise<T> {
    const others = this.waiting.get(tenant) ?? 0;
    if (others >= this.mostOfTenant) throw tooMany(this.mostOfTenant);
    this.waiting.set(tenant, others + 1);
    try {
      return await wait();
    } finally {
      const left = (this.waiting.get(tenant) ?? 1) - 1;
      if (left === 0) this.waiting.delete(tenant);
      else this.waiting.set(tenant, left);
    }
  }
}

function tooMany(most: number): HeadgateError {
  return new HeadgateError(
    'TENANT_IN_FLIGHT_FULL',
    `${most} consumers of this tenant wait for events already; have fewer, or let them ask with a shorter waitMs.`,
    { retryable: true, retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}
