import { readFileSync, statSync } from 'node:fs';

const SECTOR_BYTES = 512;
/** Sectors written. @see https://docs.kernel.org/block/stat.html */
const SECTORS_WRITTEN = 6;

/**
 * Bytes written so far to the disk that a directory is on, by any process; null where there is no such count. The kernel's
 * count per process is of no use: with large folios it takes a whole folio for each page that is changed in it.
 */
export function bytesWrittenBelow(directory: string): number | null {
  try {
    const { dev } = statSync(directory);
    // As glibc takes a device number apart.
    const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
    const device = `${major}:${minor}`;
    const fields = readFileSync(`/sys/dev/block/${device}/stat`, 'utf8').trim().split(/\s+/);
    return Number(fields[SECTORS_WRITTEN]) * SECTOR_BYTES;
  } catch {
    return null;
  }
}
