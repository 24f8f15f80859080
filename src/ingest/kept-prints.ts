import type { Database } from 'lmdb';
import type { InputStream } from '../events/event.js';
import { removeAll, type LmdbEnvironment } from '../platform/lmdb-environment.js';
import { decodeHead, unlessDamaged } from './spool-record.js';

/** A partition's fingerprints as they were kept: what dedupe is rebuilt from. */
export interface KeptPrints {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly receivedAt: number;
  readonly prints: Buffer;
  /** True for those that version 0.1.0 has made: of the ids alone, without the source. */
  readonly ofIdsAlone?: true;
}

/** Fingerprints are forgotten in steps, between which requests are answered. */
const FORGOTTEN_AT_ONCE = 1_000;

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

  /** Within a transaction: keeps the fingerprints of chunks of one partition, those that are alike together. */
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

  /** Forgets those received before `before`. Returns how many records they were. */
  async forget(
    lmdb: LmdbEnvironment,
    { before, now, isClosing }: { before: number; now: number; isClosing: () => boolean },
  ): Promise<number> {
    let forgotten = 0;
    let from = 0;
    while (!isClosing()) {
      const some = [...this.table.getRange({ start: from, limit: FORGOTTEN_AT_ONCE })];
      const old = some.filter(({ value }) => value.receivedAt < before).map(({ key }) => key);
      // What came while the clock was ahead stays, with older records behind it.
      if (some.length === 0 || (old.length === 0 && some.some(({ value }) => value.receivedAt <= now))) break;
      await removeAll(lmdb, this.table, old);
      forgotten += old.length;
      from = (some.at(-1)?.key ?? from) + 1;
    }
    return forgotten;
  }

  /** Forgets all of a tenant. */
  async forgetTenant(lmdb: LmdbEnvironment, tenant: string): Promise<void> {
    const keys = [...this.table.getRange()].flatMap(({ key, value }) =>
      value.tenant === tenant ? [key] : [],
    );
    await removeAll(lmdb, this.table, keys);
  }

  /** When the newest of them came, as far as that is not after `now`. */
  newest(now: number): number | undefined {
    return firstUpTo(now, this.table.getRange({ reverse: true }), (value) => value.receivedAt);
  }
}

/** When the newest of a spool's events came, as far as that is not after `now`, by its fingerprints and its chunks. */
export function newestReceipt(
  prints: PrintTable,
  chunks: Database<Buffer, number>,
  now: number,
): number | undefined {
  const ofChunks = firstUpTo(
    now,
    chunks.getRange({ reverse: true }),
    (record) => unlessDamaged(() => decodeHead(record))?.receivedAt,
  );
  const ofPrints = prints.newest(now);
  return ofChunks === undefined || ofPrints === undefined
    ? (ofChunks ?? ofPrints)
    : Math.max(ofChunks, ofPrints);
}

function firstUpTo<T>(
  now: number,
  records: Iterable<{ readonly value: T }>,
  timeOf: (value: T) => number | undefined,
): number | undefined {
  for (const { value } of records) {
    const time = timeOf(value);
    if (time !== undefined && time <= now) return time;
  }
  return undefined;
}
