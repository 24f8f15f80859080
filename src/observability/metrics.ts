import { Registry, collectDefaultMetrics } from 'prom-client';
import type { ErrorCode } from '../errors.js';
import type { Stream } from '../events/event.js';
import type { ExpressionFailure } from '../expressions/failures.js';
import { ExpressionLabels } from './expression-labels.js';
import { createGauges, type Gauges } from './metric-gauges.js';
import { createInstruments, type Instruments } from './metric-instruments.js';
import type { DeadReason } from '../workflows/messages/deliveries.js';
import { TenantLabels, subscriptionLabels } from './tenant-labels.js';

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
  readonly events: number;
  /** Bytes of its records in the spool. */
  readonly bytes: number;
}

/** A load of a tenant's warehouse that has ended. */
interface EndedLoad {
  readonly seconds: number;
  /** Rows it put into the warehouse; absent when it failed. */
  readonly rows?: number;
  readonly batches: number;
  /** Rows that could not be loaded. */
  readonly leftOut?: number;
  /** Values that did not fit their columns' types. */
  readonly clashes?: number;
}

/** A try to deliver some events of a batch to a subscription: a request, or an acknowledgement of a consumer's. */
interface DeliveryAttempt {
  readonly delivered: number;
  readonly failed: number;
  /** Of both, those that had been tried before. */
  readonly retried: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** What a compaction made of what. */
interface CompactedFiles {
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
  /** A request's events were decided on, and are on disk with that; `seconds` from their receipt. */
  decided(tenant: string, decided: { readonly events: number; readonly seconds: number }): void;
  loaded(tenant: string, load: EndedLoad): void;
  /** Files of a tenant's warehouse were compacted, or, without a result, could not be. */
  compacted(tenant: string, result?: CompactedFiles): void;
  stepRetried(step: RetriedStep): void;
  /** Events were delivered to a subscription, or not. */
  deliveryTried(tenant: string, subscription: string, attempt: DeliveryAttempt): void;
  /** An activity that delivers to a subscription has ended: a pass, or what consumers held of a batch. */
  deliveryActivity(tenant: string, subscription: string, seconds: number): void;
  /** Events became dead letters. */
  deadLettered(tenant: string, subscription: string, reason: DeadReason, events: number): void;
  /** Adds what is read when metrics are scraped; each may be given once. */
  watch(gauges: Gauges): void;
  /** All metrics in Prometheus' text format, and its content type. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** How to measure. */
export interface MetricsOptions {
  /** Tenants that have a label of their own; the rest are `other`. Default 200. */
  readonly maxTenants?: number;
}

const MAX_TENANTS = 200;
/** Expressions that fail and have a label of their own; each is up to six time series, one for each way to fail. */
const MAX_EXPRESSIONS = 1000;

/** Gauges of prom-client's that are called as counters are, which `promtool check metrics` refuses. Each is the sum of another. */
const MISNAMED_GAUGES = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** Builds the metrics of a process, with a registry of their own. */
export function createMetrics({ maxTenants = MAX_TENANTS }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED_GAUGES) registry.removeSingleMetric(name);
  const tenants = new TenantLabels(maxTenants);
  const expressions = new ExpressionLabels(MAX_EXPRESSIONS);
  const instruments = createInstruments(registry);
  const { events, receivedBytes, ackSeconds, refusals, batchEvents, batchBytes } = instruments;
  const { decidedEvents, decisionSeconds, loads, loadSeconds, loadRows, retries } = instruments;
  return {
    requestAnswered: (id, { accepted, duplicate, rejected, bytes, seconds }) => {
      const tenant = tenants.of(id);
      if (accepted > 0) events.inc({ tenant, outcome: 'accepted' }, accepted);
      if (duplicate > 0) events.inc({ tenant, outcome: 'duplicate' }, duplicate);
      if (rejected > 0) events.inc({ tenant, outcome: 'rejected' }, rejected);
      receivedBytes.inc({ tenant }, bytes);
      ackSeconds.observe(seconds);
    },
    refused: (id, code) => refusals.inc({ tenant: tenants.of(id), code }),
    tokenRefused: (code) => instruments.refusedTokens.inc({ code }),
    schemaViolations: (id, mode, count) =>
      instruments.schemaViolations.inc({ tenant: tenants.of(id), mode }, count),
    expressionsFailed: (id, failures) => {
      for (const { labels, count } of expressions.labelsOf(tenants.of(id), failures))
        instruments.expressionFailures.inc(labels, count);
    },
    batchStarted: (_id, { stream, events: count, bytes }) => {
      batchEvents.observe({ stream }, count);
      batchBytes.observe({ stream }, bytes);
    },
    decided: (id, { events: count, seconds }) => {
      decidedEvents.inc({ tenant: tenants.of(id) }, count);
      decisionSeconds.observe(seconds);
    },
    loaded: (id, { seconds, rows, leftOut = 0, clashes = 0 }) => {
      const tenant = tenants.of(id);
      loads.inc({ tenant, outcome: rows === undefined ? 'failed' : 'loaded' });
      if (leftOut > 0) instruments.rowsLeftOut.inc({ tenant }, leftOut);
      if (clashes > 0) instruments.clashes.inc({ tenant }, clashes);
      loadSeconds.observe(seconds);
      if (rows !== undefined) loadRows.observe(rows);
    },
    compacted: (id, files) => countCompaction(instruments, tenants.of(id), files),
    stepRetried: (step) => retries.inc({ step }),
    deliveryTried: (id, name, { delivered, failed, retried, bytes, seconds }) => {
      const labels = subscriptionLabels(tenants.of(id), name);
      if (delivered > 0) instruments.deliveries.inc({ ...labels, outcome: 'delivered' }, delivered);
      if (failed > 0) instruments.deliveries.inc({ ...labels, outcome: 'failed' }, failed);
      if (retried > 0) instruments.deliveries.inc({ ...labels, outcome: 'retried' }, retried);
      instruments.deliveredBytes.inc(labels, bytes);
      instruments.deliverySeconds.inc(labels, seconds);
    },
    deliveryActivity: (id, name, seconds) =>
      instruments.deliveryActivitySeconds.inc(subscriptionLabels(tenants.of(id), name), seconds),
    deadLettered: (id, name, reason, count) =>
      instruments.deadEvents.inc({ ...subscriptionLabels(tenants.of(id), name), reason }, count),
    watch: (gauges) => createGauges(registry, gauges, tenants),
    scrape: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function countCompaction(
  { compactions, compactedFiles, compactedBytes }: Instruments,
  tenant: string,
  files?: CompactedFiles,
): void {
  compactions.inc({ tenant, outcome: files === undefined ? 'failed' : 'compacted' });
  if (files === undefined) return;
  compactedFiles.inc({ tenant, files: 'replaced' }, files.replaced);
  compactedFiles.inc({ tenant, files: 'written' }, files.written);
  compactedBytes.inc({ tenant, files: 'replaced' }, files.bytesReplaced);
  compactedBytes.inc({ tenant, files: 'written' }, files.bytesWritten);
}
