import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Kills a process by SIGKILL and waits for its end; one that has ended is let be. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
