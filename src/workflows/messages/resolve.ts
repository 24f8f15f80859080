import type { DeadReason, Resolution, Resolved } from './deliveries.js';

/** Which of a tenant's dead letters; what is absent is not asked for. */
export interface DeadLetterFilter {
  readonly subscription?: string;
  readonly reason?: DeadReason;
  /** Event type, exact or a prefix as `booking.*`: those that hold such an event, among whatever others. */
  readonly type?: string;
  /** Given up then or later, milliseconds since the epoch. */
  readonly from?: number;
  /** Given up then or earlier, milliseconds since the epoch. */
  readonly to?: number;
  /** Only those that can be redriven. */
  readonly redrivable?: boolean;
}

/** Input of {@link RESOLVE_DEAD_LETTERS}. */
export interface ResolveInput {
  readonly tenant: string;
  /** The tenant's task queue. */
  readonly activityQueue: string;
  readonly outcome: Resolved['outcome'];
  /** `to` is always set: what dies again after a redrive has begun is not redriven once more by it. */
  readonly filter: DeadLetterFilter & { readonly to: number };
  /** Who asks; it goes into the history of each dead letter. */
  readonly by: Resolution;
  /** Events that are let go per second, on average. */
  readonly eventsPerSecond: number;
  /** Where a run before has left off. */
  readonly soFar?: { readonly progress: ResolveProgress; readonly pageToken?: string };
}

/** How far a redrive or discard of many is; result of its query {@link PROGRESS}. */
export interface ResolveProgress {
  /** Dead letters that the filter matched when it began. */
  readonly matched: number;
  /** Events in those. */
  readonly matchedEvents: number;
  /** Dead letters that are redriven or discarded. */
  readonly done: number;
  /** Events in those. */
  readonly events: number;
  /** Dead letters to go; fewer than that if others resolve them meanwhile. */
  readonly left: number;
}

/** Result of {@link RESOLVE_DEAD_LETTERS}. */
export interface ResolveResult extends ResolveProgress {
  /** True when somebody has cancelled it: what was left stays as it is. */
  readonly cancelled: boolean;
}

/** Input of the activities that look for dead letters. */
export interface FindInput {
  readonly tenant: string;
  readonly filter: DeadLetterFilter;
  /** Of the page before. */
  readonly pageToken?: string;
}

/** One page of what was found. */
export interface FoundPage {
  readonly found: readonly FoundDeadLetter[];
  /** Absent on the last page. */
  readonly pageToken?: string;
}

/** A dead letter to be resolved. */
export interface FoundDeadLetter {
  readonly workflowId: string;
  /** Events in it. */
  readonly count: number;
}

/** How many dead letters a filter matches, and how many events are in them. */
export interface DeadLetterCount {
  readonly deadLetters: number;
  readonly events: number;
}

/** Input of the activity that signals dead letters. */
export interface SignalInput {
  readonly tenant: string;
  readonly outcome: Resolved['outcome'];
  readonly by: Resolution;
  readonly workflowIds: readonly string[];
}

/** Workflow type: redrives or discards many dead letters. */
export const RESOLVE_DEAD_LETTERS = 'resolveDeadLetters';
/** Query of it: {@link ResolveProgress}. */
export const PROGRESS = 'progress';
