import { join } from 'node:path';
import { HeadgateError } from '../errors.js';
import { describeOwner, lockFile } from '../platform/file-lock.js';

/** The lock of a spool, in its directory. */
const SPOOL_LOCK = 'owner.json';

/** A process that has just been killed keeps the lock until the kernel has taken its memory down. */
const ENDS_WITHIN_MS = 2_000;

/** The file whose lock a spool's owner holds. */
export function spoolLockPath(directory: string): string {
  return join(directory, SPOOL_LOCK);
}

/**
 * Takes a spool for this process alone: two writers would give out the same sequence numbers. Waits two seconds for one that
 * is ending.
 * @returns what gives the lock back
 * @throws HeadgateError `DATA_DIR_IN_USE`, naming the process that holds it and its host; `FILE_UNWRITABLE`
 */
export async function lockSpool(directory: string): Promise<() => void> {
  const lock = await lockFile(spoolLockPath(directory), {
    waitMs: ENDS_WITHIN_MS,
    held: (owner) =>
      new HeadgateError(
        'DATA_DIR_IN_USE',
        `This data directory is used by ${describeOwner(owner)}. Stop that Headgate, or set HEADGATE_DATA_DIR to another directory.`,
      ),
  });
  return lock.release;
}
