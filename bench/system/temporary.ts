import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = new Set<string>();
// However the benchmark ends, it leaves nothing behind; what is still being written to is left to the system.
process.on('exit', () => made.forEach(removeTemporary));

/** A new directory for one system's data, in the system's temporary directory (`TMPDIR`). */
export function makeTemporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headgate-bench-'));
  made.add(directory);
  return directory;
}

/** Leaves a directory of {@link makeTemporary} where it is, for someone to look at. */
export function keepTemporary(directory: string): void {
  made.delete(directory);
}

/** Removes a directory of {@link makeTemporary}; tries again while something is still being written there. */
export function removeTemporary(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  made.delete(directory);
}
