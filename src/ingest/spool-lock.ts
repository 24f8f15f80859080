import { HeadgateError } from '../errors.js';
import { lockDirectory } from '../process-lock.js';

/**
 * Takes a spool for this process alone: two writers would give out the same sequence numbers. A lock left by a process
 * that was killed is taken over.
 * @returns what gives the lock back
 * @throws HeadgateError `DATA_DIR_IN_USE`, naming the process that holds it
 */
export function lockSpool(directory: string): () => void {
  return lockDirectory(
    directory,
    (pid) =>
      new HeadgateError(
        'DATA_DIR_IN_USE',
        `Another Headgate (process ${pid}) uses this data directory. Stop it, or set HEADGATE_DATA_DIR to another directory.`,
      ),
  );
}
