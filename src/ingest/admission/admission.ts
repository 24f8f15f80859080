import { LRUCache } from 'lru-cache';
import type { QueueBacklog } from '../../temporal/queue-backlog.js';
import { HeadgateError } from '../../errors.js';
import { FlowRate } from '../../platform/flow-rate.js';
import { DEFAULT_LIMITS } from '../../tenants/config/tenant-config.js';
import { Calls, type CallLimits } from './calls.js';
import { InFlight } from './in-flight.js';
import { OpenRequests } from './open-requests.js';
import { isOperator, named } from './payer.js';
import { createPermit, type Permit } from './permit.js';
import { drainSeconds, refusal } from './refusal.js';
import { BURST_SECONDS, TokenBucket } from '../../platform/token-bucket.js';

/** A tenant's share of what is admitted. */
export interface AdmissionLimits {
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Requests of every kind. */
  readonly requestsPerSecond: number;
}

/** Since when Temporal has been there, or away: one of the two, in milliseconds since the epoch. */
export type EngineStatus = { readonly reachableSince: number } | { readonly awaySince: number };

/** What admission looks at. Every function is called per request, so it must answer from memory. */
export interface AdmissionOptions {
  readonly limitsOf: (tenant: string) => AdmissionLimits;
  /** Of each operator. Default: those of a tenant that sets none. */
  readonly operatorLimits?: AdmissionLimits;
  /** A tenant's bytes that wait in the spool and, if any wait, since when (milliseconds since the epoch). */
  readonly backlogOf: (tenant: string) => { bytes: number; oldestAt?: number };
  /** Bytes that wait in the spool, of all tenants. */
  readonly spoolBytes: () => number;
  readonly maxSpoolBytes: number;
  /** A tenant whose oldest event has waited for longer while Temporal was there is refused. Default 10 minutes. */
  readonly maxBacklogAgeMs?: number;
  /** Bytes of requests being handled, of all tenants. Default 64 MiB; memory takes a few times as much. */
  readonly maxInFlightBytes?: number;
  /** Requests of tenants that may be open at once, of all tenants. Default 8,000. */
  readonly maxOpenRequests?: number;
  readonly calls?: CallLimits;
  /** Free bytes on the data directory's disk, as last looked at. */
  readonly freeDiskBytes: () => number;
  readonly minFreeDiskBytes: number;
  /** Called with the bytes of every request that was admitted, once they are known. */
  readonly onAdmitted?: (bytes: number) => void;
  /** Default: always reachable. */
  readonly engine?: () => EngineStatus;
  /** Default: nothing is known of it. */
  readonly queueBacklogOf?: (tenant: string) => QueueBacklog | undefined;
  /** Until when a tenant is refused for its budget, if it is. Default: never. */
  readonly budgetOf?: (tenant: string) => ReachedBudget | undefined;
  readonly now?: () => number;
}

/** A budget that a tenant has used up. */
export interface ReachedBudget {
  readonly budget: 'eventsPerDay' | 'costPerMonth';
  /** Milliseconds since the epoch. */
  readonly opensAt: number;
}

/** A quota of a tenant, as its producers are told. */
export interface Quota {
  readonly name: 'events' | 'bytes' | 'requests';
  /** What a full bucket holds, and the seconds that its rate takes to fill it. */
  readonly limit: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  /** Whole seconds until something is left; 0 when something is. */
  readonly waitSeconds: number;
}

/** No tenant may fill more than this share of the spool, so that one whose batches are stuck leaves room for the others. */
const TENANT_SPOOL_SHARE = 0.25;
const MAX_BACKLOG_AGE_MS = 10 * 60_000;
const MAX_IN_FLIGHT_BYTES = 64 * 1024 ** 2;
const MAX_OPEN_REQUESTS = 8_000;
/** Operators whose rates are remembered; of those that ask, the last. */
const MAX_OPERATORS = 1_000;
/** Loads that wait on a tenant's queue before the tenant is refused: with windows of 5 s, more than an hour of them. */
const MAX_QUEUE_BACKLOG = { tasks: 1_000, ageMs: 60 * 60_000 };
/** While Temporal is away nothing is admitted when what comes in would fill the rest of the spool in this time. */
const ENGINE_RESERVE_SECONDS = 5;
const DISK_WAIT_SECONDS = 30;

interface Account {
  readonly events: TokenBucket;
  readonly bytes: TokenBucket;
  readonly requests: TokenBucket;
  /** Bytes that leave the spool. */
  readonly drained: FlowRate;
}

/**
 * Decides whether a request may come in, by what is known before its body is read: the rates of who sends it, a tenant
 * or an operator (a bucket may be in debt by what earlier requests held), and its bytes in memory; the tenant's backlog in
 * the spool and on its queue; and for everyone the disk, the spool, and Temporal. A request that is admitted gets a
 * {@link Permit}. What has been acknowledged is never shed.
 */
export class Admission {
  private readonly accounts = new Map<string, Account>();
  private readonly operators = new LRUCache<string, Account>({
    max: MAX_OPERATORS,
    dispose: (_account, payer) => this.calls.forget(payer),
  });
  private readonly inFlight: InFlight;
  private readonly openRequests: OpenRequests;
  private readonly calls: Calls;
  private readonly drainedAll = new FlowRate();
  private readonly receivedAll = new FlowRate();
  private readonly now: () => number;

  constructor(private readonly options: AdmissionOptions) {
    this.now = options.now ?? Date.now;
    this.inFlight = new InFlight(options.maxInFlightBytes ?? MAX_IN_FLIGHT_BYTES);
    this.openRequests = new OpenRequests(options.maxOpenRequests ?? MAX_OPEN_REQUESTS);
    this.calls = new Calls(options.calls);
  }

  /** Bytes of requests being handled. */
  get inFlightBytes(): number {
    return this.inFlight.bytes;
  }

  /**
   * Counts a request of any kind while it is open, refused or not; returns what ends it, to be called once.
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL` (429), `OVERLOADED` (503)
   */
  open(payer: string): () => void {
    return this.openRequests.open(payer);
  }

  /**
   * Counts a request of any kind by rate. What it asks for is admitted by {@link admit} or {@link admitCall}.
   * @throws HeadgateError `TENANT_RATE_LIMITED` (429)
   */
  countRequest(payer: string): void {
    const now = this.now();
    const { requestsPerSecond } = this.limitsOf(payer);
    const { requests } = this.accountOf(payer);
    const wait = requests.waitSeconds(requestsPerSecond, now);
    if (wait > 0)
      throw refusal(
        'TENANT_RATE_LIMITED',
        `${named(payer)} is over its ${requestsPerSecond} requests/s.`,
        wait,
      );
    requests.take(1, requestsPerSecond, now);
  }

  /**
   * Lets a request in that brings no events, or refuses it.
   * @param announcedBytes the request's `Content-Length`, 0 if it has none
   * @param temporalCost how many calls of Temporal it counts as; 0 if it asks Temporal for nothing that all share
   * @throws HeadgateError `TENANT_RATE_LIMITED`, `TENANT_IN_FLIGHT_FULL` (429), `OVERLOADED` (503)
   */
  admitCall(payer: string, announcedBytes: number, temporalCost: number): Permit {
    const end = temporalCost > 0 ? this.calls.begin(payer, temporalCost, this.now()) : () => undefined;
    try {
      const hold = (bytes: number): void => this.hold(payer, bytes);
      const permit = createPermit({ hold, charge: () => undefined }, announcedBytes);
      return {
        ...permit,
        release: () => {
          permit.release();
          end();
        },
      };
    } catch (error) {
      end();
      throw error;
    }
  }

  /**
   * Lets a request of events in, or refuses it; a refusal costs the tenant nothing.
   * @param announcedBytes the request's `Content-Length`, 0 if it has none
   * @param tenant whose events they are, where an operator sends them
   * @throws HeadgateError `TENANT_RATE_LIMITED`, `TENANT_IN_FLIGHT_FULL`, `TENANT_BACKLOG_FULL`,
   * `BUDGET_REACHED` (this tenant alone: 429),
   * `OVERLOADED`, `DISK_FULL`, `ENGINE_UNAVAILABLE` (everyone: 503)
   */
  admit(payer: string, announcedBytes: number, tenant = payer): Permit {
    const now = this.now();
    this.checkNode(announcedBytes, now);
    const account = this.accountOf(payer);
    this.checkBudget(tenant, now);
    this.checkRates(payer, account, now);
    this.checkBacklog(tenant, this.accountOf(tenant), announcedBytes, now);
    this.checkTenantQueue(tenant);
    return createPermit(
      {
        hold: (bytes) => this.hold(payer, bytes),
        charge: (events, bytes) => this.charge(payer, account, events, bytes),
      },
      announcedBytes,
    );
  }

  /** @throws HeadgateError `OVERLOADED`, `DISK_FULL`, `ENGINE_UNAVAILABLE`: everyone is refused now */
  assertOpen(): void {
    this.checkNode(0, this.now());
  }

  /** To be called with what leaves the spool: the rate that `Retry-After` is computed from. */
  drained(tenant: string, bytes: number): void {
    const now = this.now();
    this.accountOf(tenant).drained.add(bytes, now);
    this.drainedAll.add(bytes, now);
  }

  /** What is left to a tenant, or an operator, of its rates. */
  quotasOf(payer: string): readonly Quota[] {
    const now = this.now();
    const { eventsPerSecond, bytesPerSecond, requestsPerSecond } = this.limitsOf(payer);
    const { events, bytes, requests } = this.accountOf(payer);
    return [
      quota('events', events, eventsPerSecond, now),
      quota('bytes', bytes, bytesPerSecond, now),
      quota('requests', requests, requestsPerSecond, now),
    ];
  }

  /** Forgets a tenant that is no longer configured. */
  forget(tenant: string): void {
    this.accounts.delete(tenant);
    this.calls.forget(tenant);
  }

  private limitsOf(payer: string): AdmissionLimits {
    const { limitsOf, operatorLimits = DEFAULT_LIMITS } = this.options;
    return isOperator(payer) ? operatorLimits : limitsOf(payer);
  }

  private accountOf(payer: string): Account {
    const accounts = isOperator(payer) ? this.operators : this.accounts;
    let account = accounts.get(payer);
    if (account === undefined) {
      account = {
        events: new TokenBucket(),
        bytes: new TokenBucket(),
        requests: new TokenBucket(),
        drained: new FlowRate(),
      };
      accounts.set(payer, account);
    }
    return account;
  }

  private charge(payer: string, account: Account, events: number, bytes: number): void {
    const now = this.now();
    const { eventsPerSecond, bytesPerSecond } = this.limitsOf(payer);
    account.events.take(events, eventsPerSecond, now);
    account.bytes.take(bytes, bytesPerSecond, now);
    this.receivedAll.add(bytes, now);
    this.options.onAdmitted?.(bytes);
  }

  private hold(payer: string, bytes: number): void {
    const verdict = bytes > 0 ? this.inFlight.verdict(payer, bytes) : 'fits';
    if (verdict === 'node')
      throw refusal('OVERLOADED', 'This node has as many requests in memory as it may.', 1);
    if (verdict === 'tenant') {
      const message = `${named(payer)} has too many bytes on their way at once; send fewer requests side by side.`;
      throw refusal('TENANT_IN_FLIGHT_FULL', message, 1);
    }
    this.inFlight.change(payer, bytes);
  }

  private checkNode(bytes: number, now: number): void {
    const { freeDiskBytes, minFreeDiskBytes, spoolBytes, maxSpoolBytes, engine } = this.options;
    if (freeDiskBytes() < minFreeDiskBytes)
      throw refusal('DISK_FULL', 'The disk of this node is nearly full.', DISK_WAIT_SECONDS);
    const free = maxSpoolBytes - spoolBytes() - this.inFlight.bytes;
    if (bytes > free || free <= 0) {
      const wait = drainSeconds(bytes - free, this.drainedAll.perSecond(now));
      throw refusal('OVERLOADED', 'The spool of this node is full.', wait);
    }
    const status = engine?.();
    if (status === undefined || 'reachableSince' in status) return;
    if (free >= ENGINE_RESERVE_SECONDS * (this.receivedAll.perSecond(now) ?? 0)) return;
    throw engineAway((now - status.awaySince) / 1000);
  }

  private checkBudget(tenant: string, now: number): void {
    const reached = this.options.budgetOf?.(tenant);
    if (reached === undefined || reached.opensAt <= now) return;
    const opensAt = new Date(reached.opensAt).toISOString();
    const message = `Tenant ${tenant} has reached its budget ${reached.budget}; it opens again at ${opensAt}.`;
    throw new HeadgateError('BUDGET_REACHED', message, {
      retryable: true,
      retryAfterSeconds: Math.ceil((reached.opensAt - now) / 1000),
      details: { budget: reached.budget, opensAt },
    });
  }

  private checkRates(payer: string, { events, bytes }: Account, now: number): void {
    const { eventsPerSecond, bytesPerSecond } = this.limitsOf(payer);
    const wait = Math.max(events.waitSeconds(eventsPerSecond, now), bytes.waitSeconds(bytesPerSecond, now));
    if (wait === 0) return;
    const message = `${named(payer)} is over its ${eventsPerSecond} events/s or ${bytesPerSecond} bytes/s.`;
    throw refusal('TENANT_RATE_LIMITED', message, wait);
  }

  private checkBacklog(tenant: string, { drained }: Account, bytes: number, now: number): void {
    const { backlogOf, maxSpoolBytes, maxBacklogAgeMs = MAX_BACKLOG_AGE_MS, engine } = this.options;
    const backlog = backlogOf(tenant);
    const excess = backlog.bytes + this.inFlight.bytesOf(tenant) + bytes - maxSpoolBytes * TENANT_SPOOL_SHARE;
    if (excess > 0) {
      const message = `Tenant ${tenant} has more events waiting than its share of the spool.`;
      throw refusal('TENANT_BACKLOG_FULL', message, drainSeconds(excess, drained.perSecond(now)));
    }
    const status = engine?.() ?? { reachableSince: 0 };
    // While Temporal is away everyone's events wait; that is what the spool is for.
    if (backlog.oldestAt === undefined || !('reachableSince' in status)) return;
    if (now - Math.max(backlog.oldestAt, status.reachableSince) <= maxBacklogAgeMs) return;
    const message = `Events of tenant ${tenant} have waited for more than ${maxBacklogAgeMs / 1000} seconds.`;
    throw refusal('TENANT_BACKLOG_FULL', message, drainSeconds(backlog.bytes, drained.perSecond(now)));
  }

  private checkTenantQueue(tenant: string): void {
    const waiting = this.options.queueBacklogOf?.(tenant);
    if (waiting === undefined || waiting.tasks === 0) return;
    const { tasks, ageMs, tasksPerSecond } = waiting;
    if (tasks <= MAX_QUEUE_BACKLOG.tasks && ageMs <= MAX_QUEUE_BACKLOG.ageMs) return;
    const message = `Tenant ${tenant} has ${tasks} loads waiting; its warehouse or its activitiesPerSecond is too slow.`;
    const excess = Math.max(1, tasks - MAX_QUEUE_BACKLOG.tasks);
    throw refusal('TENANT_BACKLOG_FULL', message, drainSeconds(excess, tasksPerSecond));
  }
}

function quota(name: Quota['name'], bucket: TokenBucket, perSecond: number, now: number): Quota {
  const waitSeconds = bucket.waitSeconds(perSecond, now);
  const remaining = Math.max(0, Math.floor(bucket.left(perSecond, now)));
  return { name, limit: perSecond * BURST_SECONDS, windowSeconds: BURST_SECONDS, remaining, waitSeconds };
}

/** Nobody knows when Temporal is back; what has been away for long is likely to stay away for longer. */
function engineAway(seconds: number): HeadgateError {
  const message = `Temporal has been away for ${Math.round(seconds)} seconds, and the spool is nearly full.`;
  return refusal('ENGINE_UNAVAILABLE', message, Math.min(60, Math.max(5, seconds / 4)));
}
