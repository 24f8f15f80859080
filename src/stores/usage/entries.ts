import { dayOfBatch } from '../../tenants/ids.js';
import { DEAD_LETTER, type PassInput, type PassResult } from '../../workflows/messages/deliveries.js';
import { INGEST_BATCH, LOAD_WINDOW, type IngestBatchInput } from '../../workflows/messages/batches.js';
import type { InputStream, Stream } from '../../events/event.js';
import type { UsageEntry } from './figures.js';
import { dayOf } from '../../platform/time.js';
import { tenantOfWorkflow } from '../../tenants/workflow-ids.js';

/** A batch that is handed over. */
interface CountedBatch {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly batchId: string;
  readonly events: number;
  /** Of its events as NDJSON; absent in plans of earlier versions. */
  readonly bytes?: number;
  /** Absent where no workflow was started. */
  readonly input?: IngestBatchInput;
}

/**
 * What a batch counts as. Actions: the start of its workflow, its local activities, which are one together, and the signal
 * to its load window.
 */
export function entryOfBatch({
  tenant,
  stream,
  batchId,
  events,
  bytes = 0,
  input,
}: CountedBatch): UsageEntry {
  const { batch, decided } = input ?? {};
  return {
    name: `batch/${tenant}/${stream}/${batchId}`,
    tenant,
    day: dayOfBatch(batchId),
    stream,
    figures: {
      events,
      bytesIn: bytes,
      ...(batch && { storedBytes: batch.bytes + (decided?.decisions?.bytes ?? 0) }),
      ...(decided && { decisions: decided.evaluated }),
      ...(input && { workflows: 1, actions: 3 }),
    },
  };
}

/** One attempt of an activity, as Temporal names it. */
export interface ActivityAttempt {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  readonly activityType: string;
  readonly activityId: string;
  /** From 1. */
  readonly attempt: number;
}

/** How an attempt has ended. */
export interface AttemptEnd {
  readonly seconds: number;
  /** Heartbeats that reached Temporal; default: worked out from the seconds. */
  readonly heartbeats?: number;
  /** Its argument. */
  readonly input: unknown;
  /** Absent when it failed. */
  readonly result?: unknown;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** How often heartbeats reach Temporal at most, by activity; see the Workers' throttle and the heartbeat timeouts. */
const HEARTBEAT_SECONDS: Readonly<Record<string, number>> = { pushPass: 5, workflowPass: 5, loadBatches: 24 };

/** Seqs of the TypeScript SDK: the first activity of a run. */
const FIRST_ACTIVITY = '1';

/**
 * What an attempt of an activity counts as: its time and its action, what it has come to, and, with the first activity of
 * a run, the start of its workflow. An attempt before it that never said how it ended, since its process was killed, is an
 * action as well.
 */
export function entriesOfAttempt(of: ActivityAttempt, end: AttemptEnd): UsageEntry[] {
  const tenant = tenantOfWorkflow(of.workflowId);
  if (tenant === undefined) return [];
  const day = dayOf(end.now);
  const activity = `${of.runId}/${of.activityId}`;
  const where = whereOf(of, end.input);
  const { seconds, heartbeats = Math.floor(seconds / (HEARTBEAT_SECONDS[of.activityType] ?? Infinity)) } =
    end;
  const entries: UsageEntry[] = [
    {
      name: `attempt/${activity}/${of.attempt}`,
      tenant,
      day,
      ...where,
      figures: { activityMicros: Math.round(seconds * 1e6), actions: 1 + heartbeats },
    },
  ];
  if (of.attempt > 1)
    entries.push({
      name: `attempt/${activity}/${of.attempt - 1}`,
      tenant,
      day,
      ...where,
      figures: { actions: 1 },
    });
  if (
    of.activityId === FIRST_ACTIVITY &&
    of.workflowType !== INGEST_BATCH &&
    of.workflowType !== DEAD_LETTER
  ) {
    // A load window waits by a timer.
    const actions = of.workflowType === LOAD_WINDOW ? 2 : 1;
    entries.push({ name: `workflow/${of.runId}`, tenant, day, ...where, figures: { workflows: 1, actions } });
  }
  if (end.result !== undefined) entries.push(...resultsOf(of, end, { tenant, day, activity }));
  return entries;
}

/** Stream and subscription of a pass. */
function whereOf(
  { activityType }: ActivityAttempt,
  input: unknown,
): Pick<UsageEntry, 'stream' | 'subscription'> {
  if (!isPass(activityType)) return {};
  const { batch, subscription } = input as PassInput;
  return { stream: batch.stream, subscription };
}

function isPass(activityType: string): boolean {
  return activityType === 'pushPass' || activityType === 'pullPass' || activityType === 'workflowPass';
}

function resultsOf(
  of: ActivityAttempt,
  { input, result }: AttemptEnd,
  { tenant, day, activity }: { readonly tenant: string; readonly day: string; readonly activity: string },
): UsageEntry[] {
  const name = `result/${activity}`;
  if (isPass(of.activityType)) {
    const { delivered, failed, retryAfterMs } = result as PassResult;
    // A signal to a workflow of the tenant's own is an action; so is the timer of a pause.
    const signals = of.activityType === 'workflowPass' ? delivered + failed : 0;
    const figures = {
      deliveredEvents: delivered,
      deliveryAttempts: delivered + failed,
      actions: signals + (retryAfterMs === undefined ? 0 : 1),
    };
    return [{ name, tenant, day, ...whereOf(of, input), figures }];
  }
  if (of.activityType === 'loadBatches')
    return (result as readonly { stream: Stream; loadId: string; rows: number }[]).map(
      ({ stream, loadId, rows }) => ({
        name: `load/${tenant}/${stream}/${loadId}`,
        tenant,
        day,
        stream,
        figures: { loadedRows: rows },
      }),
    );
  // It has started a dead letter: a workflow with a timer, and its status at the end.
  if (of.activityType === 'park') return [{ name, tenant, day, figures: { workflows: 1, actions: 3 } }];
  return [];
}
