import type { Priority } from '../../tenants/subscription.js';
import { clipToJsonBytes } from '../../platform/clip.js';
import type { BatchRef, Stream } from '../../events/event.js';

/** What a batch holds, for the people who look at it in the Temporal UI. */
export interface BatchContents {
  /** Event types, sorted, the first few. */
  readonly types: readonly string[];
  readonly firstEvent: string;
  readonly lastEvent: string;
}

/** What was decided on a batch's events, at ingest. */
export interface DecidedBatch {
  /** Rule evaluations made. */
  readonly evaluated: number;
  /** Eligible ones by rule. */
  readonly eligible: Readonly<Record<string, number>>;
  /** The decisions as a batch of their own; absent if nothing was evaluated. */
  readonly decisions?: BatchRef;
}

/**
 * How long a worker has for a task of one of our workflows before Temporal gives it to another: what a killed process had
 * taken up waits for this long, and Temporal's default is 10 s. Ours take milliseconds; one whose local activities take
 * longer asks for more time on its own, after four fifths of it.
 */
export const WORKFLOW_TASK_TIMEOUT = '5 seconds' as const;

/** Some events of a batch that the router gave to one subscription. */
export interface RoutedEvents {
  readonly subscription: string;
  /** `events` are lines of the batch's events file, `decisions` of its decisions file: each a derived event. */
  readonly of: 'events' | 'decisions';
  readonly priority: Priority;
  /** The lines, as `LineSet` encodes them; absent when it is all of the file. */
  readonly lines?: string;
  readonly count: number;
  /** True when these have passed too many stages: they are not delivered, but dead-lettered. */
  readonly looped?: boolean;
}

/** Input of {@link ingestBatch}: a reference to the events, never the events. */
export interface IngestBatchInput {
  readonly batch: BatchRef;
  readonly contents: BatchContents;
  readonly decided: DecidedBatch;
  /** Which of it goes to which subscriptions; absent where no route has matched. */
  readonly routed?: readonly RoutedEvents[];
  /** The tenant's task queue, for activities that are rate-limited. */
  readonly activityQueue: string;
}

/** Result of {@link ingestBatch}; the first half of a batch's receipt. */
export interface IngestBatchResult {
  readonly evaluated: number;
  /** Eligible decisions by rule. */
  readonly eligible: Readonly<Record<string, number>>;
  /** The load window that the batch and its decisions were announced to. */
  readonly load: LoadNotice;
  /** Workflow ids of its deliveries, and of what became dead letters at once; absent if there are none. */
  readonly deliveries?: readonly string[];
}

/** Where a batch was announced for loading. */
export interface LoadNotice {
  /** Workflow id of the load window, and the run of it that took the batch: a late batch opens a window again. */
  readonly workflowId: string;
  readonly runId: string;
}

/** Input of {@link loadWindow}. */
export interface LoadWindowInput {
  readonly tenant: string;
  /** Names the window: its start, `YYYYMMDDTHHMMSS.mmmZ`. */
  readonly window: string;
  /** When the window closes, milliseconds since the epoch. */
  readonly closesAt: number;
  /** How long it is at most, by Temporal's clock, whatever `closesAt` says, which is by a worker's. Absent in windows of earlier versions. */
  readonly lengthMs?: number;
  /** The tenant's task queue. */
  readonly activityQueue: string;
  /**
   * When it is full, and loads before it closes. Default {@link FULL_WINDOW}. One that is given is of a warehouse that wants
   * few large loads, which have more time.
   */
  readonly full?: WindowSize;
}

/** How much a load window holds. */
export interface WindowSize {
  readonly batches: number;
  /** Of gzipped files. */
  readonly bytes: number;
}

/** When a window is full that is not told otherwise. */
export const FULL_WINDOW: WindowSize = { batches: 200, bytes: 64 * 1024 * 1024 };

/** One load of one stream, as a window made it. */
export interface WindowLoad {
  readonly stream: Stream;
  readonly loadId: string;
  readonly rows: number;
  readonly bytes: number;
  /** Batches in the load's file. */
  readonly loaded: readonly string[];
  /** Batches the warehouse held already. */
  readonly alreadyHeld: readonly string[];
  /** Rows that could not be loaded: dead letters of the subscription `warehouse`. Absent where there are none. */
  readonly leftOut?: number;
  /** By column, values of promoted fields that did not fit its type. Absent where there are none. */
  readonly clashes?: Readonly<Record<string, number>>;
  /** The file, relative to the tenant's part of the warehouse. */
  readonly file?: string;
}

/** Result of {@link loadWindow}; the second half of a batch's receipt. */
export interface LoadWindowResult {
  readonly loads: readonly WindowLoad[];
}

/** Names that cross between client and workflow code. */
export const INGEST_BATCH = 'ingestBatch';
/** Workflow type of a load window. */
export const LOAD_WINDOW = 'loadWindow';
/** Signal that announces a batch to a load window. */
export const ANNOUNCE = 'announce';

/** Temporal takes 400 bytes of JSON as the summary of a workflow. */
export const MAX_SUMMARY_BYTES = 300;

/** One plain line for the Temporal UI: `UA · events · 1,000 events · flight.arrived, flight.departed`. */
export function batchSummary(batch: BatchRef, contents: BatchContents): string {
  const events = `${batch.events.toLocaleString('en-US')} ${batch.events === 1 ? 'event' : 'events'}`;
  const line = [batch.tenant, batch.stream, events, contents.types.join(', ')].join(' · ');
  return clipToJsonBytes(line, MAX_SUMMARY_BYTES);
}
