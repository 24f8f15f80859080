import type { InputStream, Outcome } from '../../events/event.js';

/** Which of a tenant's kept events a replay is about. */
export interface ReplayRange {
  /** Milliseconds since the epoch, included. */
  readonly from: number;
  /** Milliseconds since the epoch, not included. */
  readonly to: number;
  /** What is compared with them: the time of receipt, or the events' own. */
  readonly by: 'receipt' | 'event-time';
  /** One input stream; default: both. */
  readonly stream?: InputStream;
  /** Event types, exact or a prefix as `booking.*`; default: all. */
  readonly types?: readonly string[];
}

/**
 * Receipt, milliseconds since the epoch, from which on events are no part of a replay: it would never end. What was
 * acknowledged just before it was asked for may have come in the same millisecond.
 */
export function untilOf({
  range: { by, to },
  requestedAt,
}: Pick<ReplayInput, 'range' | 'requestedAt'>): number {
  return by === 'receipt' ? Math.min(to, requestedAt + 1) : requestedAt + 1;
}

/** What is done with the events of the range. */
export type ReplayTask =
  /** They are delivered again: to one subscription, or to all, as the tenant's routes say. */
  | { readonly kind: 'deliver'; readonly subscription?: string }
  /** A newly made subscription is filled with them: each at most once, however often that is run. */
  | { readonly kind: 'fill'; readonly subscription: string }
  /**
   * They are decided on again, by the rules of a version, and the decisions recorded beside those there are. With
   * `applyCurrent` they become the subjects' current ones, where the rules are in force and nothing newer is known.
   */
  | { readonly kind: 'decide'; readonly applyCurrent?: true };

/** Input of {@link REPLAY}. */
export interface ReplayInput {
  readonly tenant: string;
  readonly replayId: string;
  readonly range: ReplayRange;
  readonly task: ReplayTask;
  /** Version of the tenant's configuration whose rules decide. */
  readonly version: string;
  /** Says what would happen, and does nothing. */
  readonly dryRun: boolean;
  /** Kept events read per second. */
  readonly eventsPerSecond: number;
  /** The tenant's task queue. */
  readonly activityQueue: string;
  /** Task queue of the process that owns the state: there with `applyCurrent` alone. */
  readonly stateQueue?: string;
  /** Milliseconds since the epoch: when it was asked for. What is received later is not a part of it. */
  readonly requestedAt: number;
  /**
   * The spools that may hold events of the range: before anything is read they are waited for. Absent in replays of version
   * 0.1.0, and in runs that go on.
   */
  readonly spools?: readonly SpoolRef[];
  /** Milliseconds for which they are waited for, each; default {@link SPOOL_WAIT_MS}. */
  readonly spoolWaitMs?: number;
  /** Where a run before has left off. */
  readonly cursor?: ReplayCursor;
  /** What runs before have come to. */
  readonly soFar?: ReplayCounts;
  /** What they have gone without. */
  readonly unbatched?: readonly UnbatchedEvents[];
}

/** A spool, and where its process is asked. */
export interface SpoolRef {
  /** Its name in batch ids. */
  readonly node: string;
  /** The task queue of its process. */
  readonly queue: string;
}

/** Fifteen minutes: an API is started again, and Temporal is back, long before. */
export const SPOOL_WAIT_MS = 15 * 60_000;

/** What a replay waits for before it reads, or has gone without. */
export interface UnbatchedEvents {
  /** The spool's name in batch ids. */
  readonly node: string;
  /** `events-in-spool`: acknowledged events are in no batch yet. `spool-away`: the process of the spool does not answer. */
  readonly code: 'events-in-spool' | 'spool-away';
  /** The same for people. */
  readonly message: string;
  /** How many, at most; absent where that is not known. */
  readonly events?: number;
  /** Receipt of the oldest of them, RFC 3339. */
  readonly oldestReceipt?: string;
}

/** Input of the activity that waits until acknowledged events are in batches. */
export interface AwaitBatchedInput {
  readonly tenant: string;
  readonly streams: readonly InputStream[];
  /** Receipt, milliseconds since the epoch, from which on events do not matter. */
  readonly until: number;
  /** Milliseconds after which an attempt gives up. */
  readonly waitMs: number;
}

/** Its result: what is not in batches; and `waitsFor` of its heartbeats. */
export interface AwaitBatchedResult {
  readonly events: number;
  readonly oldestReceipt?: string;
}

/** The last batch that has been looked at; streams come one after the other. */
export interface ReplayCursor {
  readonly stream: InputStream;
  readonly batchId: string;
}

/** What a replay has come to. */
export interface ReplayCounts {
  /** Batches with events of the range. */
  readonly batches: number;
  /** Events of the range. */
  readonly events: number;
  /** Events given to subscriptions, each counted once per subscription; or decisions made. */
  readonly matched: number;
  /** Deliveries started: one per batch and subscription. */
  readonly deliveries: number;
  /** Decisions recorded that were not recorded before; after a crash, since the activity was tried again. */
  readonly decisions: number;
  /** Batches that could not be read any more, and events that have passed too many stages. */
  readonly skipped: number;
  /** Bytes of the gzipped files read. */
  readonly bytes: number;
}

/** Nothing yet. */
export const NO_COUNTS: ReplayCounts = {
  batches: 0,
  events: 0,
  matched: 0,
  deliveries: 0,
  decisions: 0,
  skipped: 0,
  bytes: 0,
};

/** The sum of two counts. */
export function addCounts(left: ReplayCounts, right: ReplayCounts): ReplayCounts {
  const keys = Object.keys(NO_COUNTS) as (keyof ReplayCounts)[];
  return Object.fromEntries(keys.map((key) => [key, left[key] + right[key]])) as unknown as ReplayCounts;
}

/** How far a replay is: answer of the query {@link PROGRESS}, and what its activities say with each heartbeat. */
export interface ReplayProgress extends ReplayCounts {
  /**
   * `batching`: acknowledged events of the range are not in batches yet, see `waitsFor`. `waiting`: for another replay's
   * memory. `warm-up`: reads what came before the range. `applying`: makes decisions current.
   */
  readonly phase: 'batching' | 'waiting' | 'warm-up' | 'range' | 'applying';
  /** In the phase `batching`. */
  readonly waitsFor?: readonly UnbatchedEvents[];
  /** Kept batch files looked at, of those there are; absent where files are not counted beforehand. */
  readonly files?: { readonly done: number; readonly total: number };
}

/** Input of the activity that delivers a page of kept batches again. */
export interface ReplayPageInput extends Pick<
  ReplayInput,
  'tenant' | 'replayId' | 'range' | 'task' | 'eventsPerSecond' | 'activityQueue' | 'requestedAt' | 'cursor'
> {
  /** What pages before have come to, for the heartbeats. */
  readonly soFar: ReplayCounts;
}

/** Result of a page. */
export interface ReplayPageResult {
  readonly counts: ReplayCounts;
  /** Absent after the last page. */
  readonly cursor?: ReplayCursor;
}

/** Input of the activity that decides on a range again in memory: a dry run, or one that records. */
export type RedecideInput = Omit<ReplayInput, 'cursor' | 'soFar' | 'spools' | 'spoolWaitMs' | 'unbatched'>;

/** One decision, for people to look at. */
export interface DecisionSample {
  readonly eventId: string;
  /** Absent in samples of version 0.1.0. */
  readonly eventSource?: string;
  readonly subject: string | null;
  /** The event's time. */
  readonly time: string;
  readonly recorded: JudgedOutcome;
  readonly now: JudgedOutcome;
}

/** What a rule said, and why. */
export interface JudgedOutcome {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly ruleVersion: string;
}

/** How many decisions came out how. */
interface OutcomeCounts {
  readonly eligible: number;
  readonly ineligible: number;
}

/** The difference between what was recorded of a rule on a range and what the chosen version of it says. */
export interface RuleDifference {
  readonly rule: string;
  /** The chosen version; absent where the chosen configuration does not have the rule. */
  readonly ruleVersion?: string;
  /** Decisions made now. */
  readonly evaluated: number;
  /** Decisions recorded when the events came. */
  readonly recorded: OutcomeCounts;
  readonly now: OutcomeCounts;
  /** Recorded as ineligible, eligible now. */
  readonly newlyEligible: number;
  /** Recorded as eligible, ineligible now. */
  readonly noLongerEligible: number;
  /** Made now, but not when the event came. */
  readonly notRecordedBefore: number;
  /** Recorded, but not made now. */
  readonly notMadeNow: number;
  /** The first ten of those that changed, each way. */
  readonly samples: {
    readonly newlyEligible: readonly DecisionSample[];
    readonly noLongerEligible: readonly DecisionSample[];
  };
}

/**
 * What became of the decisions that were to become current: of each subject and rule, the one on the latest event of the
 * range. In a dry run, what would.
 */
export interface AppliedCounts {
  readonly madeCurrent: number;
  /** The current decision was on the same event, by the same version of the rule. */
  readonly alreadyCurrent: number;
  /** Passed over: the current decision is on a later event. */
  readonly older: number;
  /** Passed over: the rule is not in force any more, or in another version. */
  readonly ruleChanged: number;
}

/** Result of {@link REPLAY}. */
export interface ReplayReport extends ReplayCounts {
  readonly dryRun: boolean;
  /** From the request to the end. */
  readonly seconds: number;
  /** Events read before the range, to know what was known then. */
  readonly warmUpEvents?: number;
  /** Per rule; absent where nothing was decided on again. */
  readonly rules?: readonly RuleDifference[];
  /** With `applyCurrent`. */
  readonly applied?: AppliedCounts;
  /** Dry run: events that would be delivered, per subscription. */
  readonly wouldDeliver?: readonly { readonly subscription: string; readonly events: number }[];
  /** Acknowledged events that are not in it, since they were not in batches in time; absent where there are none. */
  readonly unbatched?: readonly UnbatchedEvents[];
  /** What there is to know about these numbers, in words. */
  readonly notes: readonly string[];
}

/** What the list of replays shows of each: the memo of its workflow. */
export type ReplayMemo = Pick<
  ReplayInput,
  'range' | 'task' | 'version' | 'dryRun' | 'eventsPerSecond' | 'requestedAt'
>;

/** Workflow type: a tenant's kept events run again. */
export const REPLAY = 'replay';
/** Query: how far it is. */
export const PROGRESS = 'progress';
