import { ApplicationFailure, type LogMetadata } from '@temporalio/common';
import { DefaultLogger, Runtime, makeTelemetryFilterString, type LogEntry } from '@temporalio/worker';
import type { Logger } from '../platform/logger.js';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;

/** Said of every worker of a pooled tenant, by design: they run activities alone. */
const NO_NEWS = /^No (workflows|Nexus services) registered/;

/** The type of a failure that Headgate raises on purpose; other types are names of classes. */
const CODE = /^[A-Z]+(_[A-Z]+)+$/;

/**
 * Sets up Temporal's SDK for this process, once, before the first connection: its log goes to ours (its "info" is our
 * "debug": a line per worker and state), and signals are left to us, since the door must close before the workers do.
 * @returns what shuts it down; until then it keeps the process alive
 */
export function installRuntime(log: Logger): () => Promise<void> {
  const write = ({ level, message, meta }: LogEntry): void => {
    if (!NO_NEWS.test(message)) log[LEVELS[level]](fieldsOf(meta), message);
  };
  const runtime = Runtime.install({
    logger: new DefaultLogger('INFO', write),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) } },
  });
  return () => runtime.shutdown();
}

/**
 * What of an entry of the SDK's goes into a line. An activity that fails on purpose is told by its code and message: with the
 * task's token and the stack, which say nothing more, its line would have 1.5 KB and drown the others.
 */
export function fieldsOf({ error, ...meta }: LogMetadata = {}): Record<string, unknown> {
  const known = error instanceof ApplicationFailure && CODE.test(error.type ?? '');
  const shown = known ? { code: error.type, problem: error.message } : { error };
  const fields: Record<string, unknown> = {
    ...meta,
    ...(error !== undefined && shown),
    source: 'temporal-sdk',
  };
  delete fields.taskToken;
  return fields;
}
