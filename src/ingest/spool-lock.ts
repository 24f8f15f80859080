import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError, systemCodeOf } from '../errors.js';

/**
 * Takes a spool for this process alone: two writers would give out the same sequence numbers. A lock left by a killed
 * process is taken over.
 * @returns what gives the lock back
 * @throws HeadgateError `DATA_DIR_IN_USE`, naming the process that holds it
 */
export function lockSpool(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'owner.pid');
  const release = (): void => rmSync(path, { force: true });
  if (tryTake(path)) return release;
  const owner = Number.parseInt(readFileSync(path, 'utf8'), 10);
  // In a container every start may have the same process id: our own id on the lock is a leftover.
  if (owner !== process.pid && isAlive(owner)) {
    throw new HeadgateError(
      'DATA_DIR_IN_USE',
      `Another Headgate (process ${owner}) uses this data directory. Stop it, or set HEADGATE_DATA_DIR to another directory.`,
    );
  }
  release();
  if (!tryTake(path)) return lockSpool(directory);
  return release;
}

function tryTake(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}
