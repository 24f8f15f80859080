import { open, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCodeOf } from '../errors.js';
import { currentProcess, isRunning, type ProcessIdentity } from '../process-identity.js';

/** How a lock is waited for. */
export interface LockOptions {
  /** Called once, when another process holds the lock. */
  readonly onWait?: () => void;
  readonly signal?: AbortSignal;
  /** Milliseconds between looks at a lock that is held. Default 1,000. */
  readonly pollMs?: number;
}

/**
 * Runs `work` while no other process on this machine runs any under the same lock file. A lock whose holder has died is
 * taken over. Two processes that take over at the same moment may both go on, so `work` must also be safe on its own
 * (write to a place of its own, then rename): the lock saves work, it does not protect data.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  for (let waits = 0; !(await tryLock(path)); waits += 1) {
    if (waits === 0) options.onWait?.();
    await sleep(options.pollMs ?? 1000, undefined, { signal: options.signal });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(JSON.stringify(currentProcess()));
    await file.close();
    return true;
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
  }
  if (await isAbandoned(path)) await rm(path, { force: true });
  return false;
}

/** A lock without a readable holder is being written, unless it is old: then a power cut has emptied it. */
const WRITTEN_WITHIN_MS = 10_000;

async function isAbandoned(path: string): Promise<boolean> {
  try {
    return !isRunning(JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity);
  } catch {
    const info = await stat(path).catch(() => undefined);
    return info !== undefined && Date.now() - info.mtimeMs > WRITTEN_WITHIN_MS;
  }
}
