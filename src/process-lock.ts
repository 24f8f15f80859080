import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCodeOf } from './errors.js';
import { currentProcess, isRunning, isSameProcess, type ProcessIdentity } from './process-identity.js';

/**
 * Takes a directory for this process alone, by a file in it. A lock left by a process that was killed is taken over.
 * @param held the error to throw when the process `pid` holds it
 * @returns what gives the lock back
 */
export function lockDirectory(directory: string, held: (pid: number) => Error): () => void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'owner.json');
  const release = (): void => rmSync(path, { force: true });
  if (tryTake(path)) return release;
  const owner = ownerOf(path);
  if (owner !== undefined && isRunning(owner) && !isSameProcess(owner, currentProcess()))
    throw held(owner.pid);
  release();
  return lockDirectory(directory, held);
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
