import type { ErrorCode } from '../errors.js';
import type { BatchRef, Stream } from '../events/event.js';
import type { ExpressionFailure } from '../expressions/failures.js';
import type { Format } from './exposition.js';
import type { Gauges } from './metric-gauges.js';
import type { Chunk } from '../events/chunk.js';
import type { DeadReason } from '../workflows/messages/deliveries.js';
import type { SdkUpdate } from './sdk-metrics.js';

/** A request that was handled: its events by outcome, its bytes (inflated), and the seconds from its headers to its answer. */
export interface AnsweredRequest {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** A batch that Temporal has taken. */
interface StartedBatch {
  readonly stream: Stream;
  readonly batchId: string;
  readonly events: number;
  /** Bytes of its records in the spool. */
  readonly bytes: number;
  /** The requests that it is made of. */
  readonly chunks: readonly Pick<Chunk, 'events' | 'receivedAt'>[];
}

/** A load of a tenant's warehouse that has ended. */
interface EndedLoad {
  readonly seconds: number;
  /** Rows it put into the warehouse; absent when it failed. */
  readonly rows?: number;
  /** The batches that it brought in. */
  readonly batches?: readonly (Pick<BatchRef, 'batchId' | 'receivedAt'> & { readonly rows: number })[];
  /** Rows that could not be loaded. */
  readonly leftOut?: number;
  /** Values that did not fit their columns' types. */
  readonly clashes?: number;
}

/** A try to deliver some events of a batch to a subscription: a request, or an acknowledgement of a consumer's. */
export interface DeliveryAttempt {
  readonly delivered: number;
  readonly failed: number;
  /** Of both, those that had been tried before. */
  readonly retried: number;
  readonly bytes: number;
  /** 0 where nothing was waited for. */
  readonly seconds: number;
  /** What they are of. */
  readonly batch?: Pick<BatchRef, 'batchId' | 'receivedAt'>;
  /** What they are delivered again by, long after their receipt. */
  readonly cause?: string;
}

/** What the rules said of a request's events. */
interface Decisions {
  readonly decided: number;
  /** Evaluations by rule. */
  readonly eligible: Readonly<Record<string, number>>;
  readonly ineligible: Readonly<Record<string, number>>;
}

/** What a compaction made of what. */
export interface CompactedFiles {
  readonly replaced: number;
  readonly written: number;
  readonly bytesReplaced: number;
  readonly bytesWritten: number;
}

/** Steps that are tried again until they succeed, as a label names them: `park` is that of a dead letter. */
export type RetriedStep =
  'write' | 'start' | 'park' | 'hand-over' | 'count' | 'await' | 'finish' | 'checkpoint' | 'load';

/**
 * What is measured. Everything is counted per request, batch or load, never per event; `tenant` is the only label
 * without bounds of its own and is bounded by {@link TenantLabels}.
 */
export interface Metrics {
  /** A request of events was handled, if only to find that none was acceptable. */
  requestAnswered(tenant: string, request: AnsweredRequest): void;
  /** A request of events was answered with an error, by its code, or any with 429 or 503. */
  refused(tenant: string, code: ErrorCode | 'INTERNAL'): void;
  /** A request was refused for its token: 401 or 403. */
  tokenRefused(code: ErrorCode): void;
  /** Events of a request did not fit their schemas, and were rejected (`enforce`) or taken all the same (`warn`). */
  schemaViolations(tenant: string, mode: 'enforce' | 'warn', events: number): void;
  /** Expressions of a tenant's file failed on events of a request. */
  expressionsFailed(tenant: string, failures: readonly ExpressionFailure[]): void;
  batchStarted(tenant: string, batch: StartedBatch): void;
  /** A request's events were decided on, which took some seconds. */
  decided(tenant: string, decisions: Decisions, seconds: number): void;
  /** They are on disk with that. */
  spooled(chunk: Pick<Chunk, 'tenant' | 'events' | 'receivedAt'>): void;
  /** Work on a tenant's events has taken milliseconds of the event loop. */
  worked(tenant: string, ms: number): void;
  loaded(tenant: string, load: EndedLoad): void;
  /** Files of a tenant's warehouse were compacted, or, without a result, could not be. */
  compacted(tenant: string, result?: CompactedFiles): void;
  /** @param tenant absent for a step that is of many tenants */
  stepRetried(step: RetriedStep, tenant?: string): void;
  /** Events were delivered to a subscription, or not. */
  deliveryTried(tenant: string, subscription: string, attempt: DeliveryAttempt): void;
  /** An activity that delivers to a subscription has ended: a pass, or what consumers held of a batch. */
  deliveryActivity(tenant: string, subscription: string, seconds: number): void;
  /** CPU time of this process was spent on a subscription. */
  subscriptionCpu(tenant: string, subscription: string, seconds: number): void;
  /** Events became dead letters. */
  deadLettered(tenant: string, subscription: string, reason: DeadReason, events: number): void;
  /** Temporal's SDK has measured something. */
  measuredBySdk(updates: Iterable<SdkUpdate>): void;
  /** Adds what is read when metrics are scraped; each may be given once. */
  watch(gauges: Gauges): void;
  /** All metrics in a text format, by default that of Prometheus, and its content type. */
  scrape(format?: Format): Promise<{ readonly contentType: string; readonly text: string }>;
}
