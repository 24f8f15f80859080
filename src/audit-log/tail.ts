import { open } from 'node:fs/promises';
import { entryIn, type Position } from './entry.js';

/** Lines take three kilobytes at most; damaged ones are gone back over this far. */
const TAIL_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** How the file of a day ends. */
export interface Tail {
  /** Its last line that is whole and has the hash it says; undefined where there is none. */
  readonly last?: Position;
  readonly size: number;
  /** Bytes behind the last newline: what a crash has left of a line. */
  readonly halfBytes: number;
}

/** Reads how the file of a day ends. */
export async function tailOf(path: string): Promise<Tail> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const tail = buffer.subarray(0, bytesRead);
    const end = tail.lastIndexOf(NEWLINE) + 1;
    const lines = tail.toString('utf8', 0, end).split('\n').toReversed();
    const entry = lines.reduce<ReturnType<typeof entryIn>>(
      (found, line) => found ?? entryIn(line),
      undefined,
    );
    return {
      size,
      halfBytes: tail.length - end,
      ...(entry && { last: { seq: entry.seq, hash: entry.hash } }),
    };
  } finally {
    await handle.close();
  }
}
