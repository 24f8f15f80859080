import { closeSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const MAX_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 4 * 1024;

/** The log file of a child process, open for appending. */
export interface ServerLog {
  readonly fd: number;
  /** The last lines written since it was opened. */
  tail(lines: number): string;
  close(): void;
}

/** Opens a log for appending; one that has grown past 10 MB is renamed to `<file>.1` first. */
export function openServerLog(file: string): ServerLog {
  mkdirSync(dirname(file), { recursive: true });
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_BYTES) renameSync(file, `${file}.1`);
  const fd = openSync(file, 'a');
  const start = statSync(file).size;
  return { fd, tail: (lines) => tailOf(file, start, lines), close: () => closeSync(fd) };
}

function tailOf(file: string, start: number, lines: number): string {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const from = Math.max(start, size - TAIL_BYTES);
  if (size <= from) return '';
  const buffer = Buffer.alloc(size - from);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, buffer, 0, buffer.length, from);
  } finally {
    closeSync(fd);
  }
  return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
