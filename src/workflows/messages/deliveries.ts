import type { BatchRef, Stream } from '../../events/event.js';
import type { Priority, SubscriptionKind } from '../../tenants/subscription.js';
import type { BatchContents, RoutedEvents } from './batches.js';

/** Input of {@link DELIVER}. */
export interface DeliverInput {
  readonly tenant: string;
  readonly subscription: string;
  readonly kind: SubscriptionKind;
  /** The file; of the stream `decisions` for derived events. */
  readonly batch: BatchRef;
  /** Lines of the file that are to be delivered; absent when all are. */
  readonly lines?: string;
  /** How many lines that are. */
  readonly count: number;
  readonly priority: Priority;
  /** The subscription's own task queue, for passes. */
  readonly queue: string;
  /** The tenant's task queue, for the rest. */
  readonly activityQueue: string;
  /** When dead letters of it are given up, milliseconds since the epoch: no later than its file is deleted. */
  readonly expiresAt: number;
  /** Why this is not the first delivery of the batch: names the redrive or the replay that started it. */
  readonly cause?: string;
  /** Where a run before has left off; see {@link PendingLines}. */
  readonly pending?: readonly PendingLines[];
  /** What runs before have come to. */
  readonly soFar?: DeliverResult;
}

/** Memo of {@link DELIVER}: what is asked of all that run, without opening their histories. Absent in those of earlier versions. */
export interface DeliverMemo {
  /** Events that it has to deliver. */
  readonly count: number;
}

/** Lines that are not delivered yet, by how often that was tried. */
export interface PendingLines {
  readonly attempts: number;
  /** Absent when they are all of the file. */
  readonly lines?: string;
  readonly count: number;
  /** No sooner than this they are to be tried again, milliseconds since the epoch: others of the batch may be due before. Absent: now. */
  readonly dueAt?: number;
}

/** Result of {@link DELIVER}. */
export interface DeliverResult {
  readonly delivered: number;
  readonly deadLettered: number;
  /** Passes made. */
  readonly passes: number;
  /** Workflow ids of the dead letters. */
  readonly deadLetters: readonly string[];
}

/** Result of the query {@link PROGRESS}: how far a delivery is. What the pass on its way has done is not in it yet. */
export interface DeliverProgress {
  readonly soFar: DeliverResult;
  readonly pending: readonly Omit<PendingLines, 'lines'>[];
}

/**
 * Input of a pass: one activity that tries to deliver what is pending of a batch, and comes back with what is left. All
 * kinds of subscription share it; what they do in it differs.
 */
export interface PassInput {
  readonly tenant: string;
  readonly subscription: string;
  readonly batch: BatchRef;
  /** Counts from 1; names what the pass leaves in the delivery log. */
  readonly pass: number;
  readonly cause?: string;
  /** Deliveries of a batch that differ in this alone are told apart by it in the delivery log. Absent: normal. */
  readonly priority?: Priority;
  readonly pending: readonly PendingLines[];
  /** When somebody has resumed the subscription last, milliseconds since the epoch: what a process knows of earlier failures counts no more. */
  readonly resumedAt?: number;
}

/** Result of a pass. */
export interface PassResult {
  readonly delivered: number;
  /** Tries that failed. */
  readonly failed: number;
  /** What is to be tried again. */
  readonly pending: readonly PendingLines[];
  /**
   * When: after this number of milliseconds; at once if 0 or absent. Decided by the pass, which knows the subscription's
   * retry schedule, what the receiver asked for, and whether the breaker is open.
   */
  readonly retryAfterMs?: number;
  /** What is given up, by reason. */
  readonly dead: readonly DeadLines[];
}

/** Why events became dead letters. A stable code: people filter by it. `reference/errors/events.ts` says what each means. */
export const DEAD_REASONS = [
  'attempts-exhausted',
  'never-acknowledged',
  'undeliverable',
  'workflow-full',
  'loop',
  'expired',
  'subscription-removed',
  'spool-damaged',
  'start-refused',
  'row-unloadable',
  'batch-unreadable',
] as const;

/** One of {@link DEAD_REASONS}. */
export type DeadReason = (typeof DEAD_REASONS)[number];

/** Of a subscription's kind, of what ingest could not hand over, or of what the warehouse could not load. */
type DeadLetterKind = SubscriptionKind | 'ingest' | 'warehouse';

/** Lines of a batch that are given up for the same reason. */
export interface DeadLines {
  readonly reason: DeadReason;
  /** What happened to the last of them, in words: `HTTP 500 Internal Server Error`. */
  readonly detail: string;
  readonly attempts: number;
  /** Absent when they are all of the file. */
  readonly lines?: string;
  readonly count: number;
}

/** Input of the activity that dead-letters lines of a batch: starts a {@link DEAD_LETTER} workflow. */
export interface DeadLetterEventsInput {
  readonly delivery: Omit<DeliverInput, 'kind' | 'pending' | 'soFar' | 'lines' | 'count'> & {
    readonly kind: DeadLetterKind;
  };
  readonly dead: DeadLines;
  /** What the events are, where their file does not tell. */
  readonly contents?: BatchContents;
  /** Passes made until now: where the attempts are in the delivery log. */
  readonly passes: number;
  /** Which it is of those that are given up together, counted from 0; default 0. Several may have one reason. */
  readonly part?: number;
}

/** How long a dead letter is kept that is over when it begins, in milliseconds: its file may be gone, and people see it even so. */
export const LATE_LETTER_MS = 24 * 60 * 60 * 1000;

/** Input of the activity that looks at a delivery nobody has taken up for long, or whose subscription may be gone. */
export interface ReviewInput {
  readonly delivery: DeadLetterEventsInput['delivery'];
  /** True when it has expired by Temporal's clock; a worker's may be behind. Absent in deliveries of earlier versions. */
  readonly expired?: boolean;
  readonly pending: readonly PendingLines[];
}

/** What is to become of it: goes on waiting, or is given up because its subscription is gone or its batch has expired. */
export type ReviewResult = Pick<PassResult, 'pending' | 'dead'> & {
  /** What the subscription is now: another one may have its name. Absent where it is gone, and in earlier versions. */
  readonly kind?: SubscriptionKind;
};

/** Input of {@link DEAD_LETTER}: some events of one batch that one subscription could not be given for one reason. */
export interface DeadLetterInput extends DeadLetterEventsInput {
  /** When they were given up, milliseconds since the epoch. */
  readonly parkedAt: number;
}

/** What a list of dead letters shows of each: the memo of its workflow. */
export interface DeadLetterMemo {
  readonly kind: DeadLetterKind;
  readonly reason: DeadReason;
  readonly detail: string;
  readonly attempts: number;
  readonly count: number;
  readonly stream: Stream;
  readonly batchId: string;
  /** Event types among them, sorted, the first few. */
  readonly types: readonly string[];
  readonly firstEvent: string;
  readonly lastEvent: string;
  /** When they were given up, and when they will be for good: milliseconds since the epoch. */
  readonly parkedAt: number;
  readonly expiresAt: number;
}

/** Input of the activity that hands a batch's routed events on: one {@link DELIVER} workflow each. */
export interface StartDeliveriesInput {
  readonly batch: BatchRef;
  /** The decisions on it; there if any of `routed` is of them. */
  readonly decisions?: BatchRef;
  readonly routed: readonly RoutedEvents[];
  readonly activityQueue: string;
  readonly cause?: string;
}

/** Argument of the signals {@link REDRIVE} and {@link DISCARD}; both come from operators, and are kept in the history. */
export interface Resolution {
  /** Who asks: the subject of the token, or what an operator gives in the Temporal UI. */
  readonly actor: string;
  readonly reason?: string;
  /** Workflow id of the redrive or discard of many that this is a part of. */
  readonly redrive?: string;
}

/** Result of the query {@link RESOLUTION}: what became of a dead letter, and by whom. */
export interface Resolved {
  readonly outcome: 'redriven' | 'discarded';
  readonly by: Resolution;
}

/** Result of {@link DEAD_LETTER}. */
export interface DeadLetterResult {
  readonly outcome: 'redriven' | 'discarded' | 'expired';
  readonly by?: Resolution;
  /** What came of the redrive. */
  readonly delivery?: DeliverResult;
}

/** Workflow type: a batch on its way to one subscription. */
export const DELIVER = 'deliver';
/** Workflow type: events that could not be delivered, waiting for somebody. */
export const DEAD_LETTER = 'deadLetter';
/** Signal: try again. */
export const REDRIVE = 'redrive';
/** Signal: give up for good. */
export const DISCARD = 'discard';
/** Signal to a {@link DELIVER} that its subscription has been resumed, with when that was, milliseconds since the epoch: what is pending is due now. */
export const RESUMED = 'resumed';
/** Signal to a {@link DELIVER} that its subscription may be gone: what waits for one that is becomes a dead letter. */
export const REVIEW = 'review';
/** Query of a {@link DEAD_LETTER}: who has resolved it, and how; `null` while nobody has. */
export const RESOLUTION = 'resolution';
/** Query of a {@link DELIVER}: how far it is. */
export const PROGRESS = 'progress';
