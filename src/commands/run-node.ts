import { HeadgateError } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { HeadgateNode } from '../roles/node.js';

/** What ends a process: a signal to stop (drain), or a fault it cannot fix. */
export interface Ending {
  /** Resolves at SIGINT or SIGTERM. */
  readonly stopped: Promise<void>;
  /** Aborted then: ends what is waited for at the start. */
  readonly signal: AbortSignal;
  /** To be called when the process can no longer do its work. */
  readonly fail: (reason: string) => void;
}

/**
 * Waits for signals. The first asks for a drain; the second ends the process at once, which is safe: whatever is not
 * done is in the spool or in Temporal.
 */
export function awaitEnding(): Ending {
  let fail: (reason: string) => void = () => undefined;
  const told = new AbortController();
  const stopped = new Promise<void>((resolve, reject) => {
    fail = (reason) =>
      reject(new HeadgateError('ENGINE_UNAVAILABLE', `Headgate stops: ${reason}`, { retryable: true }));
    const onSignal = (): void => {
      process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
      told.abort();
      resolve();
    };
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  });
  // Looked at later; until then a rejection is not "unhandled".
  stopped.catch(() => undefined);
  return { stopped, signal: told.signal, fail };
}

/** How {@link runUntilEnded} ends a node. */
export interface EndOptions {
  /** `HEADGATE_SHUTDOWN_GRACE_SECONDS`. */
  readonly graceSeconds: number;
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * Runs a node until it is told to stop, then drains it. What is still under way after the grace time is cut off, and the
 * process ends with it: the spool and Temporal have it, and the next start goes on from there.
 */
export async function runUntilEnded(
  node: HeadgateNode,
  ending: Ending,
  { graceSeconds, log }: EndOptions,
): Promise<void> {
  let code = 1;
  try {
    await ending.stopped;
    code = 0;
  } finally {
    const timer = setTimeout(() => {
      log.warn('SHUTDOWN_CUT_OFF', { graceSeconds });
      process.exit(code);
    }, graceSeconds * 1000);
    await node.stop();
    clearTimeout(timer);
  }
}
