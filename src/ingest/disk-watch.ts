import { statfsSync } from 'node:fs';

const LOOK_EVERY_MS = 1_000;

/** Free bytes on the disk of a directory, looked at no more than once a second. */
export function createDiskWatch(directory: string): () => number {
  let free = 0;
  let lookedAt = 0;
  return () => {
    const now = Date.now();
    if (now - lookedAt < LOOK_EVERY_MS) return free;
    lookedAt = now;
    const disk = statfsSync(directory);
    free = disk.bavail * disk.bsize;
    return free;
  };
}
