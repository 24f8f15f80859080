import type { QueueNotes, QueueRate, QueueRates } from '../temporal/queue-rates.js';
import { HeadgateError } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { WAREHOUSE } from '../tenants/subscription.js';
import { subscriptionQueue, tenantQueue } from '../tenants/queues.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { KeyedMutex } from '../platform/keyed-mutex.js';
import { assertMayBecome, isBuiltIn } from './built-in.js';
import { isFault, rateOf, statusOf, type SubscriptionStatus, type SubscriptionState } from './status.js';
import type { SubscriptionAlert } from '../events/delivered-event.js';

/** What {@link SubscriptionControl} needs. */
export interface SubscriptionControlOptions {
  readonly rates: QueueRates & QueueNotes;
  readonly configOf: (tenant: string) => TenantConfig | undefined;
  /**
   * Called when Headgate has disabled or paused a subscription or its breaker has opened: once each time, when Temporal has
   * it.
   */
  readonly onAlert?: (alert: SubscriptionAlert) => void;
  /**
   * What keeps a subscription from delivering, as far as this process can tell. Default: nothing. Asked where it delivers.
   */
  readonly faultOf?: (tenant: string, name: string) => string | undefined;
  /** Called when somebody has resumed a subscription, once Temporal has it; what waits between attempts is then due. */
  readonly onResumed?: (tenant: string, name: string, at: number) => void;
  readonly log: Logger;
  readonly now?: () => number;
}

/** A change that somebody asks for. */
export interface StatusChange {
  readonly to: Extract<SubscriptionState, 'active' | 'paused' | 'draining'>;
  /** The subject of the token that asks. */
  readonly by: string;
  readonly reason?: string;
}

/** A queue's rate as this process has last read or written it. */
interface KnownStatus {
  readonly rate: QueueRate | undefined;
  /** When it was written, in milliseconds since the epoch; minus infinity when it was read. */
  readonly writtenAt: number;
}

/** Temporal's describe may be this far behind its update. */
const SETTLED_MS = 5_000;

/** The warehouse has no rate of its own: its loads ask how it stands. Any but 0 says that it is not paused. */
const WAREHOUSE_RATE = 1;

/** A pass takes a minute. */
const STOP_KNOWN_MS = 60_000;

/** States that only a person ends. */
const HELD: ReadonlySet<SubscriptionState> = new Set(['paused', 'disabled', 'draining']);

/**
 * Reads and changes how subscriptions stand. The truth is on Temporal (see {@link rateOf}); what this process has last
 * read or written is kept for the router, which may not ask on every request. The warehouse's is a note on the queue of
 * its loads, whose rate is the pace's.
 */
export class SubscriptionControl {
  private readonly known = new Map<string, KnownStatus>();
  private readonly turns = new KeyedMutex();
  private readonly listeners = new Set<(tenant: string, name: string) => void>();

  constructor(private readonly options: SubscriptionControlOptions) {}

  /** Calls a listener when this process has changed how a subscription stands, or what is noted of it. */
  onChange(listener: (tenant: string, name: string) => void): void {
    this.listeners.add(listener);
  }

  /** Tells the listeners that something has changed. */
  changed(tenant: string, name: string): void {
    for (const listener of this.listeners) listener(tenant, name);
  }

  /** How a subscription stands now. */
  async status(tenant: string, name: string): Promise<SubscriptionStatus> {
    return statusOf(await this.read(tenant, name));
  }

  /** Reads how all subscriptions of a tenant stand, for {@link SubscriptionControl.isDraining}. */
  async look(tenant: string): Promise<void> {
    for (const { name } of this.options.configOf(tenant)?.subscriptions ?? [])
      await this.status(tenant, name);
  }

  /** True while a subscription takes no new events, as far as this process knows. */
  isDraining(tenant: string, name: string): boolean {
    return this.knownState(tenant, name) === 'draining';
  }

  /** True while a subscription is paused by somebody, as far as this process knows. */
  isPaused(tenant: string, name: string): boolean {
    return this.knownState(tenant, name) === 'paused';
  }

  /**
   * True right after this process has paused or disabled a subscription: until Temporal holds its queue back, and for
   * what has been handed out already. Later the queue itself is what tells.
   */
  isStopped(tenant: string, name: string): boolean {
    const known = this.known.get(subscriptionQueue(tenant, name));
    if (known === undefined || this.now() - known.writtenAt > STOP_KNOWN_MS) return false;
    return known.rate?.activitiesPerSecond === 0;
  }

  /**
   * Pauses, drains or resumes a subscription.
   * @throws HeadgateError `NOT_FOUND`: the tenant has no such subscription;
   *   `SUBSCRIPTION_BUILT_IN`: it has, but this cannot be done with it
   */
  async change(tenant: string, name: string, { to, by, reason }: StatusChange): Promise<SubscriptionStatus> {
    this.configuredRate(tenant, name);
    assertMayBecome(to, tenant, name);
    const since = new Date(this.now()).toISOString();
    const status: SubscriptionStatus = to === 'active' ? { state: to } : { state: to, by, reason, since };
    const changed = await this.write(tenant, name, () => status);
    this.options.log.info('SUBSCRIPTION_CHANGED', { tenant, subscription: name, status: to, by });
    if (to === 'active') this.options.onResumed?.(tenant, name, this.now());
    return changed;
  }

  /** Forgets what this process has written: another one has changed it since. */
  forget(tenant: string, name: string): void {
    this.known.delete(subscriptionQueue(tenant, name));
  }

  /**
   * Brings the rate in line with the configuration, and leaves a state that somebody has to end. A fault that is found here
   * opens the breaker, and one that is gone closes it.
   */
  async align(tenant: string, name: string): Promise<SubscriptionStatus> {
    return this.withFault(tenant, name, this.options.faultOf?.(tenant, name));
  }

  /** A pass cannot send anything, whatever its receiver does. */
  async fault(tenant: string, name: string, fault: string): Promise<SubscriptionStatus> {
    return this.withFault(tenant, name, fault);
  }

  private withFault(tenant: string, name: string, fault?: string): Promise<SubscriptionStatus> {
    const since = new Date(this.now()).toISOString();
    return this.write(tenant, name, (now) => {
      if (HELD.has(now.state)) return now;
      if (fault !== undefined)
        return now.reason === fault ? now : { state: 'breaker-open', by: 'headgate', reason: fault, since };
      return now.state === 'breaker-open' && isFault(now.reason) ? { state: 'active' } : now;
    });
  }

  /** The breaker has opened or closed; a subscription that is held stays so. */
  async breaker(tenant: string, name: string, open: boolean, reason: string): Promise<SubscriptionStatus> {
    const since = new Date(this.now()).toISOString();
    const wanted: SubscriptionStatus = open
      ? { state: 'breaker-open', by: 'headgate', reason, since }
      : { state: 'active' };
    return this.write(tenant, name, (now) => {
      if (HELD.has(now.state)) return now;
      // A probe has failed: it has been open all the time.
      return open && now.state === 'breaker-open' ? { ...wanted, since: now.since } : wanted;
    });
  }

  /** Its endpoint does not want it any more, or has failed for too long. */
  async disable(tenant: string, name: string, reason: string): Promise<SubscriptionStatus> {
    const since = new Date(this.now()).toISOString();
    this.options.log.error('SUBSCRIPTION_DISABLED', { tenant, subscription: name, reason });
    const disabled: SubscriptionStatus = { state: 'disabled', by: 'headgate', reason, since };
    return this.write(tenant, name, (now) => (now.state === 'paused' ? now : disabled));
  }

  /** What it sends is refused until a person has fixed why: Headgate pauses it. One that is held already stays as it is. */
  async pauseBySystem(tenant: string, name: string, reason: string): Promise<SubscriptionStatus> {
    const since = new Date(this.now()).toISOString();
    let paused = false;
    const status = await this.write(tenant, name, (now) => {
      paused = !HELD.has(now.state);
      return paused ? { state: 'paused', by: 'headgate', reason, since } : now;
    });
    if (paused) {
      this.options.log.error('SUBSCRIPTION_PAUSED', { tenant, subscription: name, reason });
      this.options.onAlert?.({ tenant, subscription: name, state: 'paused', reason, since });
    }
    return status;
  }

  /** Changes of one subscription are made one after the other. */
  private write(
    tenant: string,
    name: string,
    change: (now: SubscriptionStatus) => SubscriptionStatus,
  ): Promise<SubscriptionStatus> {
    const queue = subscriptionQueue(tenant, name);
    return this.turns.run(queue, async () => {
      const activitiesPerSecond = this.configuredRate(tenant, name);
      const before = await this.read(tenant, name);
      const stood = statusOf(before);
      const status = change(stood);
      const rate = rateOf(status, activitiesPerSecond);
      const same =
        before?.reason === rate.reason &&
        Math.fround(rate.activitiesPerSecond) === Math.fround(before.activitiesPerSecond);
      if (same) return status;
      if (name === WAREHOUSE) await this.options.rates.setNote(tenantQueue(tenant), rate.reason);
      else await this.options.rates.set(queue, rate);
      this.known.set(queue, { rate, writtenAt: this.now() });
      this.changed(tenant, name);
      if (stood.state !== status.state) this.raiseAlert(tenant, name, status);
      return status;
    });
  }

  private raiseAlert(tenant: string, subscription: string, status: SubscriptionStatus): void {
    const { state, reason = '', since = '' } = status;
    if (state !== 'disabled' && state !== 'breaker-open') return;
    this.options.onAlert?.({ tenant, subscription, state, reason, since });
  }

  /** Temporal's answer, unless this process has just written another. */
  private async read(tenant: string, name: string): Promise<QueueRate | undefined> {
    const queue = subscriptionQueue(tenant, name);
    const known = this.known.get(queue);
    if (known !== undefined && this.now() - known.writtenAt < SETTLED_MS) return known.rate;
    const rate = name === WAREHOUSE ? await this.ofWarehouse(tenant) : await this.options.rates.get(queue);
    this.known.set(queue, { rate, writtenAt: Number.NEGATIVE_INFINITY });
    return rate;
  }

  private async ofWarehouse(tenant: string): Promise<QueueRate | undefined> {
    const reason = await this.options.rates.note(tenantQueue(tenant));
    return reason === undefined ? undefined : { activitiesPerSecond: WAREHOUSE_RATE, reason };
  }

  /** The rate of a subscription's queue while nothing holds it back. */
  private configuredRate(tenant: string, name: string): number {
    const config = this.options.configOf(tenant);
    const found = config?.subscriptions.find((each) => each.name === name);
    if (found !== undefined) return found.limits.activitiesPerSecond;
    if (config !== undefined && isBuiltIn(config, name)) return WAREHOUSE_RATE;
    throw new HeadgateError('NOT_FOUND', `Tenant ${tenant} has no subscription of this name.`);
  }

  private knownState(tenant: string, name: string): SubscriptionState | undefined {
    const known = this.known.get(subscriptionQueue(tenant, name));
    return known && statusOf(known.rate).state;
  }

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }
}
