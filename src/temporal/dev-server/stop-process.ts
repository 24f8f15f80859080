import { setTimeout as sleep } from 'node:timers/promises';
import { systemCodeOf } from '../../errors.js';
import { isRunning, type ProcessIdentity } from '../../platform/process-identity.js';
import { SECOND_MS } from '../../platform/time.js';

/** How long a process may take to end after SIGTERM before it is killed. */
const TERM_GRACE_MS = 10 * SECOND_MS;

/** Stops a process: SIGTERM, then SIGKILL after `graceMs` (default 10 s). Returns when it has ended; does nothing if it has already. */
export async function stopProcess(identity: ProcessIdentity, graceMs = TERM_GRACE_MS): Promise<void> {
  send(identity, 'SIGTERM');
  if (await hasEnded(identity, graceMs)) return;
  send(identity, 'SIGKILL');
  await hasEnded(identity, TERM_GRACE_MS);
}

async function hasEnded(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isRunning(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(25);
  }
  return true;
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error;
  }
}
