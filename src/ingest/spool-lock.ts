import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError, systemCodeOf } from '../errors.js';
import { currentProcess, isRunning, isSameProcess, type ProcessIdentity } from '../process-identity.js';

/**
 * Takes a spool for this process alone: two writers would give out the same sequence numbers. A lock left by a process
 * that was killed is taken over.
 * @returns what gives the lock back
 * @throws HeadgateError `DATA_DIR_IN_USE`, naming the process that holds it
 */
export function lockSpool(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'owner.json');
  const release = (): void => rmSync(path, { force: true });
  if (tryTake(path)) return release;
  const owner = ownerOf(path);
  if (owner !== undefined && isRunning(owner) && !isSameProcess(owner, currentProcess())) {
    throw new HeadgateError(
      'DATA_DIR_IN_USE',
      `Another Headgate (process ${owner.pid}) uses this data directory. Stop it, or set HEADGATE_DATA_DIR to another directory.`,
    );
  }
  release();
  return lockSpool(directory);
}

function tryTake(path: string): boolean {
  try {
    writeFileSync(path, JSON.stringify(currentProcess()), { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when a power cut has truncated the file: nobody who is alive wrote it. */
function ownerOf(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
