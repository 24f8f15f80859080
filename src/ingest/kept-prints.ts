import type { Database } from 'lmdb';
import type { InputStream } from '../event.js';

/** A lane's fingerprints as they were kept: what dedupe is rebuilt from. */
export interface KeptPrints {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly receivedAt: number;
  readonly prints: Buffer;
  /** True for those that version 0.1.0 has made: of the ids alone, without the source. */
  readonly ofIdsAlone?: true;
}

/** A chunk that leaves the spool, and its fingerprints. */
export interface LeavingChunk {
  readonly seq: number;
  readonly tenant: string;
  readonly stream: InputStream;
  readonly receivedAt: number;
  readonly prints: Buffer;
}

/**
 * The spool's fingerprints of what has left it, by the sequence number of the last chunk they are of, and what all
 * fingerprints are made of: that follows from the sequence number.
 */
export class PrintTable {
  /** @param keyedFrom sequence number from which on fingerprints are of source and id */
  constructor(
    private readonly table: Database<KeptPrints, number>,
    private readonly keyedFrom: number,
  ) {}

  /** Those received since `since`, milliseconds since the epoch. */
  *since(since: number): Iterable<KeptPrints> {
    for (const { key, value } of this.table.getRange())
      if (value.receivedAt >= since) yield this.described(key, value);
  }

  /** Says of fingerprints what they are of. @param seq of the chunk that they are of */
  described(seq: number, { tenant, stream, receivedAt, prints }: KeptPrints): KeptPrints {
    const kept = { tenant, stream, receivedAt, prints };
    return seq < this.keyedFrom ? { ...kept, ofIdsAlone: true } : kept;
  }

  /** Within a transaction: keeps the fingerprints of chunks of one lane, those that are alike together. */
  keep(chunks: readonly LeavingChunk[]): void {
    for (const alike of [
      chunks.filter(({ seq }) => seq < this.keyedFrom),
      chunks.filter(({ seq }) => seq >= this.keyedFrom),
    ]) {
      const last = alike.at(-1);
      if (last === undefined) continue;
      const { tenant, stream, receivedAt } = last;
      const prints = Buffer.concat(alike.map((chunk) => chunk.prints));
      void this.table.put(last.seq, { tenant, stream, receivedAt, prints });
    }
  }

  /** Of the first `limit` records, the keys of those received before `before`. */
  oldest(before: number, limit: number): number[] {
    return [...this.table.getRange({ limit })]
      .filter(({ value }) => value.receivedAt < before)
      .map(({ key }) => key);
  }

  /** Within a transaction: forgets records. */
  forget(keys: readonly number[]): void {
    for (const key of keys) void this.table.remove(key);
  }
}
