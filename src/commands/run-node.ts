import { HeadgateError } from '../errors.js';
import type { HeadgateNode } from '../roles/node.js';

/** What ends a process: a signal to stop (drain), or a fault it cannot mend. */
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

/** Runs a node until it is told to stop, then drains it. */
export async function runUntilEnded(node: HeadgateNode, ending: Ending): Promise<void> {
  try {
    await ending.stopped;
  } finally {
    await node.stop();
  }
}
