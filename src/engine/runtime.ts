import { DefaultLogger, Runtime, makeTelemetryFilterString, type LogEntry } from '@temporalio/worker';
import type { Logger } from '../observability/logger.js';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;

/** Said of every worker of a pooled tenant, by design: they run activities alone. */
const NO_NEWS = /^No (workflows|Nexus services) registered/;

/**
 * Sets up Temporal's SDK for this process, once, before the first connection: its log goes to ours (its "info" is our
 * "debug": a line per worker and state), and signals are left to us, since the door must close before the workers do.
 * @returns what shuts it down; until then it keeps the process alive
 */
export function installRuntime(log: Logger): () => Promise<void> {
  const write = ({ level, message, meta }: LogEntry): void => {
    if (!NO_NEWS.test(message)) log[LEVELS[level]]({ ...meta, source: 'temporal-sdk' }, message);
  };
  const runtime = Runtime.install({
    logger: new DefaultLogger('INFO', write),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) } },
  });
  return () => runtime.shutdown();
}
