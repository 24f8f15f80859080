import { ApplicationFailure, type LogMetadata } from '@temporalio/common';
import {
  DefaultLogger,
  MetricsBuffer,
  Runtime,
  makeTelemetryFilterString,
  type BufferedMetricUpdate,
  type LogEntry,
} from '@temporalio/worker';
import { messageOf } from '../errors.js';
import { isLineId, type LogFields, type Logger } from '../platform/logger.js';
import type { LogField } from '../reference/log-lines/fields.js';
import { RepeatedLines } from './repeated-lines.js';

const LEVELS = { TRACE: 'debug', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;

/** Said of every worker of a pooled tenant, by design: they run activities alone. */
const NO_NEWS = /^No (workflows|Nexus services) registered/;

/** The type of a failure that Headgate raises on purpose; other types are names of classes. */
const CODE = /^[A-Z]+(_[A-Z]+)+$/;

/** A line that repeats is written once a minute. */
const WINDOW_MS = 60_000;
/** Different lines in a minute: with a hundred tenants that fail, some have several. The rest share one. */
const MOST_KEYS = 500;

/** The SDK measures some dozens of values for a batch, and makes hundreds of instruments for each Worker. */
const MAX_MEASURED = 50_000;
const MEASURED_EVERY_MS = 100;

/** What is logged of an entry of the SDK's as fields of a line; the rest is in `sdk`. */
const OWN_FIELDS: ReadonlySet<string> = new Set<LogField>([
  'activityId',
  'activityType',
  'attempt',
  'durationMs',
  'isLocal',
  'namespace',
  'sdkComponent',
  'signal',
  'taskQueue',
  'workflowId',
  'workflowRunId',
  'workflowType',
]);

/** Takes what the SDK measures. */
interface SdkMeter {
  measuredBySdk(updates: Iterable<BufferedMetricUpdate>): void;
}

/** What an entry of the SDK's log becomes. */
interface SdkLine {
  readonly level: 'debug' | 'warn' | 'error';
  readonly fields: LogFields;
}

/**
 * Sets up Temporal's SDK for this process, once, before the first connection: its log goes to ours, and signals are left to us,
 * since the API must close before the workers do.
 * @param metrics what the SDK measures goes there, ten times a second; default: it measures nothing
 * @returns what shuts it down; until then it keeps the process alive
 */
export function installRuntime(log: Logger, metrics?: SdkMeter): () => Promise<void> {
  const sdk = sdkLog(log);
  const meter = metrics && followMetrics(metrics, log);
  const runtime = Runtime.install({
    logger: new DefaultLogger('INFO', sdk.write),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) },
      ...(meter && { metrics: { buffer: meter.buffer } }),
    },
  });
  return async () => {
    meter?.close();
    await runtime.shutdown();
    sdk.close();
  };
}

/**
 * Takes what the SDK has measured from its buffer, before that is full: it drops what comes then. If an instrument is among
 * that, each take that has a value of it fails, with all it would have given: of that the process must not end.
 */
export function followMetrics(
  metrics: SdkMeter,
  log: Pick<Logger, 'warn'>,
): { readonly buffer: MetricsBuffer; close(): void } {
  const buffer = new MetricsBuffer({ maxBufferSize: MAX_MEASURED, useSecondsForDurations: true });
  let saidAt = -Infinity;
  const take = (): void => {
    try {
      metrics.measuredBySdk(buffer.retrieveUpdates());
    } catch (error) {
      if (performance.now() - saidAt < WINDOW_MS) return;
      saidAt = performance.now();
      log.warn('SDK_METRICS_LOST', { reason: messageOf(error) });
    }
  };
  const timer = setInterval(take, MEASURED_EVERY_MS).unref();
  return { buffer, close: () => clearInterval(timer) };
}

/**
 * Writes the entries of the SDK's log to ours, as lines `TEMPORAL_SDK`: its "info" is our "debug" (a line per worker and state),
 * and what repeats is folded. What a workflow of ours logs comes the same way, with the id of its line as the message.
 */
export function sdkLog(log: Logger, windowMs = WINDOW_MS): { write(entry: LogEntry): void; close(): void } {
  const repeats = new RepeatedLines<SdkLine>({
    windowMs,
    mostKeys: MOST_KEYS,
    onRepeats: ({ level, fields }, repeated) => log[level]('TEMPORAL_SDK', { ...fields, repeated }),
  });
  const write = ({ level: given, message, meta }: LogEntry): void => {
    const level = LEVELS[given];
    // The workflow's code has checked that the id may be logged at this level.
    if (isLineId(message)) return log[level](message as never, fieldsOf(meta));
    if (NO_NEWS.test(message)) return;
    const fields = { message, ...fieldsOf(meta) };
    // Each state of each worker is news to people who have asked for these.
    if (level === 'debug' || repeats.isFirst(keyOf(level, fields), { level, fields }))
      log[level]('TEMPORAL_SDK', fields);
  };
  return { write, close: () => repeats.close() };
}

/** What tells lines apart: numbers in a message differ each time. */
function keyOf(level: string, { message, code, err, activityType, taskQueue }: LogFields): string {
  const what = String(code ?? (err === undefined ? '' : messageOf(err))).slice(0, 200);
  const said = `${String(message)} ${what}`.slice(0, 400).replace(/\d+/g, '#');
  return [level, said, activityType, taskQueue].join('\n');
}

/**
 * What of an entry of the SDK's goes into a line. An activity that fails on purpose is described by its code and message: with the
 * task's token and the stack, which say nothing more, its line would have 1.5 KB and drown the others.
 */
export function fieldsOf({ error, ...meta }: LogMetadata = {}): LogFields {
  const own: Record<string, unknown> = {};
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(meta)) {
    if (value === undefined || name === 'taskToken') continue;
    if (OWN_FIELDS.has(name)) own[name] = value;
    else rest[name] = value;
  }
  if (Object.keys(rest).length > 0) own.sdk = rest;
  if (error instanceof ApplicationFailure && CODE.test(error.type ?? ''))
    return { ...own, code: error.type, reason: error.message };
  return error === undefined ? own : { ...own, err: error };
}
