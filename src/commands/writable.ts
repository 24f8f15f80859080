import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError, systemCodeOf } from '../errors.js';
import { whoMay } from './error-text.js';

/**
 * Makes the data directory if it is not there, and writes into it once: before anything has been started that would have
 * to be stopped again.
 * @throws HeadgateError `DATA_DIR_UNWRITABLE`
 */
export async function assertDataDirWritable(dataDir: string): Promise<void> {
  const probe = join(dataDir, `.headgate-start-${process.pid}`);
  try {
    await mkdir(dataDir, { recursive: true });
    await writeFile(probe, '');
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOSPC') throw error;
    // On a read-only disk, mkdir says ENOENT.
    const reason = code === 'EROFS' || code === 'ENOENT' ? `the disk is read-only, ${code}` : String(code);
    throw new HeadgateError(
      'DATA_DIR_UNWRITABLE',
      `The data directory ${dataDir} cannot be written (${reason}). ${whoMay(dataDir)}`,
      { cause: error },
    );
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}
