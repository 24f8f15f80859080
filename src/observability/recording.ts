import { BoundedNames } from './bounded-names.js';
import type { Instruments } from './metric-instruments.js';
import type { CompactedFiles, DeliveryAttempt, Metrics } from './metrics.js';
import { ageOf, ageOfBatch, type StageInstruments } from './stage-instruments.js';
import { subscriptionLabels, type TenantLabels } from './tenant-labels.js';

/** What recording needs. */
export interface RecordingParts {
  readonly instruments: Instruments;
  readonly stages: StageInstruments;
  readonly tenants: TenantLabels;
}

/** Expressions that fail and have a label of their own; each is up to six time series, one for each way to fail. */
const MAX_EXPRESSIONS = 1000;
/** Rules that decide and have a label of their own; each is two time series. */
const MAX_RULES = 1000;

type RequestMetrics = 'requestAnswered' | 'refused' | 'tokenRefused' | 'schemaViolations';

/** Records requests. */
export function requestMetrics({
  instruments,
  stages,
  tenants,
}: RecordingParts): Pick<Metrics, RequestMetrics> {
  const { events, receivedBytes, ackSeconds, refusals, refusedTokens } = instruments;
  return {
    requestAnswered: (id, { accepted, duplicate, rejected, bytes, seconds }) => {
      const tenant = tenants.of(id);
      if (accepted > 0) events.inc({ tenant, outcome: 'accepted' }, accepted);
      if (duplicate > 0) events.inc({ tenant, outcome: 'duplicate' }, duplicate);
      if (rejected > 0) events.inc({ tenant, outcome: 'rejected' }, rejected);
      receivedBytes.inc({ tenant }, bytes);
      ackSeconds.observe(seconds);
      if (accepted > 0) stages.passed(id, 'accepted', { events: accepted, seconds });
    },
    refused: (id, code) => refusals.inc({ tenant: tenants.of(id), code }),
    tokenRefused: (code) => refusedTokens.inc({ code }),
    schemaViolations: (id, mode, count) =>
      instruments.schemaViolations.inc({ tenant: tenants.of(id), mode }, count),
  };
}

type DecisionMetrics = 'decided' | 'spooled' | 'expressionsFailed';

/** Records decisions. */
export function decisionMetrics({
  instruments,
  stages,
  tenants,
}: RecordingParts): Pick<Metrics, DecisionMetrics> {
  const expressions = new BoundedNames(MAX_EXPRESSIONS);
  const rules = new BoundedNames(MAX_RULES);
  return {
    decided: (id, { decided, eligible, ineligible }, seconds) => {
      const tenant = tenants.of(id);
      instruments.decidedEvents.inc({ tenant }, decided);
      stages.passed(id, 'decided', { events: decided, seconds });
      for (const [outcome, counts] of Object.entries({ eligible, ineligible }))
        for (const [rule, count] of Object.entries(counts))
          instruments.decisions.inc({ tenant, rule: rules.of(tenant, 'rule', rule), outcome }, count);
    },
    spooled: (chunk) => stages.passed(chunk.tenant, 'durable', ageOf([chunk])),
    expressionsFailed: (id, failures) => {
      const tenant = tenants.of(id);
      for (const { owner, name: own, code, count } of failures) {
        const name = expressions.of(tenant, owner, own);
        instruments.expressionFailures.inc({ tenant, owner, name, code }, count);
      }
    },
  };
}

type BatchMetrics = 'batchStarted' | 'loaded' | 'compacted' | 'stepRetried';

/** Records batches, and their loads. */
export function batchMetrics({ instruments, stages, tenants }: RecordingParts): Pick<Metrics, BatchMetrics> {
  const { batchEvents, batchBytes, loads, loadSeconds, loadRows, retries } = instruments;
  return {
    batchStarted: (id, { stream, events: count, bytes, batchId, chunks }) => {
      batchEvents.observe({ stream }, count);
      batchBytes.observe({ stream }, bytes);
      stages.passed(id, 'started', { ...ageOf(chunks), batchId });
    },
    loaded: (id, { seconds, rows, batches = [], leftOut = 0, clashes = 0 }) => {
      const tenant = tenants.of(id);
      instruments.tenantLoadSeconds.inc({ tenant }, seconds);
      for (const batch of batches) {
        const age = ageOfBatch(batch, batch.rows);
        if (age !== undefined) stages.passed(id, 'loaded', age);
      }
      loads.inc({ tenant, outcome: rows === undefined ? 'failed' : 'loaded' });
      if (leftOut > 0) instruments.rowsLeftOut.inc({ tenant }, leftOut);
      if (clashes > 0) instruments.clashes.inc({ tenant }, clashes);
      loadSeconds.observe(seconds);
      if (rows !== undefined) loadRows.observe(rows);
    },
    compacted: (id, files) => countCompaction(instruments, tenants.of(id), files),
    stepRetried: (step, id) => retries.inc(id === undefined ? { step } : { tenant: tenants.of(id), step }),
  };
}

type DeliveryMetrics = 'deliveryTried' | 'deliveryActivity' | 'subscriptionCpu' | 'deadLettered';

/** Records what becomes of deliveries. */
export function deliveryMetrics({
  instruments,
  stages,
  tenants,
}: RecordingParts): Pick<Metrics, DeliveryMetrics> {
  return {
    deliveryTried: (id, name, attempt) => {
      const labels = subscriptionLabels(tenants.of(id), name);
      countDelivery(instruments, labels, attempt);
      countDelivered(instruments, stages, id, labels, attempt);
    },
    deliveryActivity: (id, name, seconds) =>
      instruments.deliveryActivitySeconds.inc(subscriptionLabels(tenants.of(id), name), seconds),
    subscriptionCpu: (id, name, seconds) =>
      instruments.subscriptionCpuSeconds.inc(subscriptionLabels(tenants.of(id), name), seconds),
    deadLettered: (id, name, reason, count) =>
      instruments.deadEvents.inc({ ...subscriptionLabels(tenants.of(id), name), reason }, count),
  };
}

function countDelivery(
  instruments: Instruments,
  labels: ReturnType<typeof subscriptionLabels>,
  { delivered, failed, retried, bytes, seconds }: DeliveryAttempt,
): void {
  if (delivered > 0) instruments.deliveries.inc({ ...labels, outcome: 'delivered' }, delivered);
  if (failed > 0) instruments.deliveries.inc({ ...labels, outcome: 'failed' }, failed);
  if (retried > 0) instruments.deliveries.inc({ ...labels, outcome: 'retried' }, retried);
  instruments.deliveredBytes.inc(labels, bytes);
  instruments.deliverySeconds.inc(labels, seconds);
  if (seconds > 0) instruments.deliveryTries.inc(labels);
}

/** How old the events were that have arrived; of what is delivered again that says nothing. */
function countDelivered(
  instruments: Instruments,
  stages: StageInstruments,
  tenant: string,
  labels: ReturnType<typeof subscriptionLabels>,
  { delivered, batch, cause }: DeliveryAttempt,
): void {
  const age =
    delivered > 0 && cause === undefined && batch !== undefined ? ageOfBatch(batch, delivered) : undefined;
  if (age === undefined) return;
  stages.passed(tenant, 'delivered', age);
  instruments.deliveredAgeSeconds.inc(labels, age.events * age.seconds);
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
