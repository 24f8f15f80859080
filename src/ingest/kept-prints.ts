import type { Database } from 'lmdb';
import type { InputStream } from '../event.js';
import type { LmdbEnvironment } from '../lmdb-environment.js';
import { decodeHead, unlessDamaged } from './spool-record.js';

/** A lane's fingerprints as they were kept: what dedupe is rebuilt from. */
export interface KeptPrints {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly receivedAt: number;
  readonly prints: Buffer;
}

/** Fingerprints are forgotten in steps, between which requests are answered. */
const FORGOTTEN_AT_ONCE = 1_000;

/** Forgets fingerprints received before `before`. Returns how many records they were. */
export async function forgetPrints(
  lmdb: LmdbEnvironment,
  prints: Database<KeptPrints, number>,
  { before, now, isClosing }: { before: number; now: number; isClosing: () => boolean },
): Promise<number> {
  let forgotten = 0;
  let from = 0;
  while (!isClosing()) {
    const some = [...prints.getRange({ start: from, limit: FORGOTTEN_AT_ONCE })];
    const old = some.filter(({ value }) => value.receivedAt < before).map(({ key }) => key);
    // What came while the clock was ahead stays, with older records behind it.
    if (some.length === 0 || (old.length === 0 && some.some(({ value }) => value.receivedAt <= now))) break;
    await lmdb.committed(() =>
      lmdb.root.batch(() => {
        for (const key of old) void prints.remove(key);
      }),
    );
    forgotten += old.length;
    from = (some.at(-1)?.key ?? from) + 1;
  }
  return forgotten;
}

/** When the newest of a spool's events came, as far as that is not after `now`, by its fingerprints and its chunks. */
export function newestReceipt(
  prints: Database<KeptPrints, number>,
  chunks: Database<Buffer, number>,
  now: number,
): number | undefined {
  const found = [
    ...firstUpTo(now, prints.getRange({ reverse: true }), (value) => value.receivedAt),
    ...firstUpTo(
      now,
      chunks.getRange({ reverse: true }),
      (record) => unlessDamaged(() => decodeHead(record))?.receivedAt,
    ),
  ];
  return found.length === 0 ? undefined : Math.max(...found);
}

function* firstUpTo<T>(
  now: number,
  records: Iterable<{ readonly value: T }>,
  timeOf: (value: T) => number | undefined,
): Iterable<number> {
  for (const { value } of records) {
    const time = timeOf(value);
    if (time === undefined || time > now) continue;
    yield time;
    return;
  }
}
