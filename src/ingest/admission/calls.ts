import { TokenBucket } from '../../platform/token-bucket.js';
import { named } from './payer.js';
import { refusal } from './refusal.js';

/** What a tenant may ask of Temporal through the API. */
export interface CallLimits {
  /** Calls a second, with a burst of two seconds' worth; a list or a start counts as {@link LIST_COST}. Default 50. */
  readonly perSecond: number;
  /** Calls that are being answered. Default 8. */
  readonly atOnce: number;
}

/** How many calls a list or a start counts as: what it costs Temporal, against a look at one workflow. */
export const LIST_COST = 4;

const LIMITS: CallLimits = { perSecond: 50, atOnce: 8 };

interface Account {
  readonly bucket: TokenBucket;
  open: number;
}

/** Bounds what tenants ask of Temporal, which all share: by rate, and by how much at once. */
export class Calls {
  private readonly accounts = new Map<string, Account>();

  constructor(private readonly limits: CallLimits = LIMITS) {}

  /**
   * Lets a call through; returns what ends it, to be called once.
   * @throws HeadgateError `TENANT_RATE_LIMITED`, `TENANT_IN_FLIGHT_FULL`
   */
  begin(payer: string, cost: number, now: number): () => void {
    const { perSecond, atOnce } = this.limits;
    const account = this.accounts.get(payer) ?? { bucket: new TokenBucket(), open: 0 };
    this.accounts.set(payer, account);
    const wait = account.bucket.waitSeconds(perSecond, now);
    if (wait > 0) {
      const message = `${named(payer)} asks more than ${perSecond} times a second for what Temporal has to be asked for.`;
      throw refusal('TENANT_RATE_LIMITED', message, wait);
    }
    if (account.open >= atOnce)
      throw refusal('TENANT_IN_FLIGHT_FULL', `${named(payer)} may ask for ${atOnce} such things at once.`, 1);
    account.bucket.take(cost, perSecond, now);
    account.open++;
    return () => {
      account.open--;
    };
  }

  /** Forgets a tenant that is no longer configured, or an operator that has long not asked. */
  forget(payer: string): void {
    this.accounts.delete(payer);
  }
}
