import type { Logger } from '../platform/logger.js';
import type { Dedupe } from './dedupe.js';
import { idPartitionKey, partitionKey } from './partition.js';
import type { Spool } from './spool.js';

/** Fills a new dedupe from what the spool has kept of the window, lets the spool forget the rest, and says what is of the future. */
export async function rebuildDedupe(
  dedupe: Dedupe,
  spool: Spool,
  log: Pick<Logger, 'warn'>,
  wall = Date.now(),
): Promise<void> {
  const now = dedupe.now();
  await spool.forgetPrints(now - dedupe.windowMs, now);
  const future = { records: 0, newest: wall };
  for (const kept of spool.keptPrints(now - dedupe.windowMs)) {
    const partition = (kept.ofIdsAlone ? idPartitionKey : partitionKey)(kept.tenant, kept.stream);
    dedupe.addAll(partition, kept.prints, kept.receivedAt);
    if (kept.receivedAt <= wall) continue;
    future.records++;
    future.newest = Math.max(future.newest, kept.receivedAt);
  }
  if (future.records === 0) return;
  log.warn('CLOCK_WENT_BACK', { records: future.records, newest: new Date(future.newest).toISOString() });
}
