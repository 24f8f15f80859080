import { existsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config.js';
import { messageOf } from '../errors.js';
import { isOpenToOthers } from '../roles/data-directory.js';
import { fail, ok, warn, type Finding } from './finding.js';

const CHECK = 'data directory';

/** It can be written, how long a flush takes, which is what an acknowledgement waits for, and who can look into it. */
export async function checkDataDirectory({ dataDir }: Pick<Config, 'dataDir'>): Promise<Finding> {
  const probe = join(existingFolder(dataDir), `.headgate-doctor-${process.pid}`);
  try {
    const flushMs = await measureFlush(probe);
    const found = `${dataDir} can be written, a flush to disk takes ${flushMs.toFixed(1)} ms`;
    if ((await isOpenToOthers(dataDir)) === true)
      return warn(
        CHECK,
        `others can look into ${dataDir}: events, and secrets of tenants`,
        `chmod 700 ${dataDir}`,
      );
    if (flushMs < 20) return ok(CHECK, found);
    return warn(CHECK, found, 'every acknowledgement waits for one: put HEADGATE_DATA_DIR on a faster disk');
  } catch (error) {
    return fail(
      CHECK,
      `${dataDir} cannot be written: ${messageOf(error)}`,
      'correct its permissions, or set HEADGATE_DATA_DIR to another folder',
    );
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}

/** The folder, or the nearest one above it that is there: a look must not create anything. */
export function existingFolder(path: string): string {
  return existsSync(path) ? path : existingFolder(dirname(path));
}

/** The median of nine, since a single flush says little. */
async function measureFlush(path: string): Promise<number> {
  const file = await open(path, 'w');
  const times: number[] = [];
  try {
    for (let count = 0; count < 9; count += 1) {
      await file.write(Buffer.alloc(4096));
      const start = performance.now();
      await file.sync();
      times.push(performance.now() - start);
    }
  } finally {
    await file.close();
  }
  return times.sort((a, b) => a - b)[4] ?? 0;
}
