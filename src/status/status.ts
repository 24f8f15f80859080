import type { EngineStatus } from '../ingest/admission/admission.js';
import type { LagReading, SubscriptionLag, SubscriptionLags } from '../subscriptions/lags.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { backlogProblem, nodeProblems, refusedProblem } from './node-problems.js';
import type { Refusals } from './recent-refusals.js';
import {
  PROBLEM_KINDS,
  type NodeStatus,
  type Problem,
  type StatusReport,
  type Undelivered,
} from './report.js';
import { subscriptionProblem, undeliveredOf } from './subscription-problem.js';

/** What {@link Status} looks at. All but `lags` is known to this process. */
export interface StatusOptions {
  readonly lags: Pick<SubscriptionLags, 'reading'>;
  /** All tenants as they are configured now. */
  readonly tenants: () => readonly TenantConfig[];
  readonly engine: () => EngineStatus;
  /** @throws HeadgateError when events of everyone are refused now */
  readonly assertOpen: () => void;
  readonly node: () => NodeStatus;
  /** What of a tenant Temporal does not have yet. */
  readonly backlogOf: (tenant: string) => { readonly bytes: number; readonly oldestAt?: number };
  /** Tenants whose requests this process refuses. Default: none. */
  readonly refusals?: () => readonly Refusals[];
  /** How often subscriptions are looked at again while somebody asks, at most; milliseconds. Default 2 s. */
  readonly againMs?: number;
}

/** Whom a report is about, and how much of it. */
export interface StatusQuestion {
  readonly includes: (tenant: string) => boolean;
  /** Whether the figures are told that all tenants share. */
  readonly withNode: boolean;
  /** Most problems. */
  readonly limit: number;
}

/** From here on it is said of a tenant that its events wait. */
const BACKLOG_SECONDS = 20;
const AGAIN_MS = 2_000;
/** For this long after somebody has asked, the next answer needs no wait. */
const WARM_MS = 10 * 60_000;

/**
 * Says how all that runs stands, the worst first. Answers from what this process knows, and what the last look at Temporal
 * has found. While somebody asks now and then, looks follow each other, so that the answer is there before the question.
 */
export class Status {
  private timer: NodeJS.Timeout | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;
  private closed = false;

  constructor(private readonly options: StatusOptions) {}

  /** How the tenants of a question stand. */
  async report({ includes, withNode, limit }: StatusQuestion): Promise<StatusReport> {
    this.keepLooking();
    const reading = await this.options.lags.reading();
    const now = Date.now();
    const configs = new Map(
      this.options
        .tenants()
        .filter(({ tenant }) => includes(tenant))
        .map((config) => [config.tenant, config]),
    );
    const lags = reading.lags.filter(({ tenant }) => configs.has(tenant));
    const engine = this.options.engine();
    const node = this.options.node();
    const backlogs = this.backlogs([...configs.keys()], now);
    const isAway = 'awaySince' in engine;
    const problems = [
      ...nodeProblems({ engine, node, assertOpen: this.options.assertOpen, now }),
      ...lags.flatMap(
        (lag) => subscriptionProblem(lag, configs.get(lag.tenant) as TenantConfig, reading.at) ?? [],
      ),
      ...(this.options.refusals?.() ?? []).filter(({ tenant }) => configs.has(tenant)).map(refusedProblem),
      // While Temporal is away that is said once, not of each tenant.
      ...(isAway
        ? []
        : backlogs
            .filter(isLate)
            .map((each) => backlogProblem(each.tenant, each.bytes, each.oldestSeconds, now))),
    ].sort((one, other) => badness(other, now) - badness(one, now));
    return {
      verdict: verdictOf(problems, reading),
      at: new Date(now).toISOString(),
      ...(reading.at !== undefined && { lookedAt: new Date(reading.at).toISOString() }),
      ...oldestLook(lags),
      temporal: isAway
        ? { reachable: false, since: new Date(engine.awaySince).toISOString() }
        : { reachable: true, since: new Date(engine.reachableSince).toISOString() },
      tenants: configs.size,
      tenantsFailing: failingTenants(problems),
      subscriptions: lags.length,
      undelivered: sumOf(lags),
      backlog: {
        bytes: backlogs.reduce((sum, { bytes }) => sum + bytes, 0),
        oldestSeconds: Math.max(0, ...backlogs.map(({ oldestSeconds }) => oldestSeconds)),
      },
      ...(withNode && { node }),
      problems: problems.slice(0, limit),
      moreProblems: Math.max(0, problems.length - limit),
    };
  }

  /** Looks no more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private backlogs(tenants: readonly string[], now: number): Backlog[] {
    return tenants.map((tenant) => {
      const { bytes, oldestAt = now } = this.options.backlogOf(tenant);
      return { tenant, bytes, oldestSeconds: Math.max(0, now - oldestAt) / 1000 };
    });
  }

  private keepLooking(): void {
    this.askedAt = performance.now();
    if (!this.closed && this.timer === undefined) this.lookAgain();
  }

  private lookAgain(): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.closed || performance.now() - this.askedAt > WARM_MS) return;
      void this.options.lags.reading().finally(() => {
        if (!this.closed && this.timer === undefined) this.lookAgain();
      });
    }, this.options.againMs ?? AGAIN_MS).unref();
  }
}

interface Backlog {
  readonly tenant: string;
  readonly bytes: number;
  readonly oldestSeconds: number;
}

/** Nothing where a subscription has not been asked yet. */
function oldestLook(lags: readonly SubscriptionLag[]): Pick<StatusReport, 'oldestLookAt'> {
  const oldest = lags.reduce((least, { askedAt = Number.NaN }) => Math.min(least, askedAt), Infinity);
  return Number.isFinite(oldest) ? { oldestLookAt: new Date(oldest).toISOString() } : {};
}

function isLate({ oldestSeconds }: Backlog): boolean {
  return oldestSeconds > BACKLOG_SECONDS;
}

function verdictOf(problems: readonly Problem[], { at }: LagReading): StatusReport['verdict'] {
  if (problems.some(({ level }) => level === 'failing')) return 'failing';
  return at === undefined ? 'unknown' : 'well';
}

function failingTenants(problems: readonly Problem[]): number {
  const failing = problems.flatMap(({ level, tenant }) =>
    level === 'failing' && tenant !== undefined ? [tenant] : [],
  );
  return new Set(failing).size;
}

function sumOf(lags: readonly SubscriptionLag[]): Undelivered {
  const sum = { batches: 0, events: 0, windows: 0, oldestSeconds: 0 };
  for (const lag of lags) {
    const { batches, events, windows, oldestSeconds } = undeliveredOf(lag);
    sum.batches += batches;
    sum.events += events;
    sum.windows += windows;
    sum.oldestSeconds = Math.max(sum.oldestSeconds, oldestSeconds);
  }
  return sum;
}

/** What concerns all before what needs a person, before what may end on its own, before what a person wants. */
function rankOf({ kind, level }: Problem): number {
  if (level !== 'failing') return 0;
  const at = PROBLEM_KINDS.indexOf(kind);
  if (at < PROBLEM_KINDS.indexOf('disabled')) return 3;
  return at <= PROBLEM_KINDS.indexOf('paused-by-headgate') ? 2 : 1;
}

/** Seconds of a hundred years: what is of a higher rank is worse, however long the other lasts. */
const RANK_SECONDS = 3e9;

function badness(problem: Problem, now: number): number {
  const lastsSeconds = problem.since === undefined ? 0 : (now - Date.parse(problem.since)) / 1000;
  return rankOf(problem) * RANK_SECONDS + Math.max(lastsSeconds, problem.undelivered?.oldestSeconds ?? 0);
}
