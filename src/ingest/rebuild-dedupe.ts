import type { Dedupe } from './dedupe.js';
import { idLaneKey, laneKey } from './lane.js';
import type { Spool } from './spool.js';

/** Fills a new dedupe from what the spool has kept of the window, and lets the spool forget the rest. */
export async function rebuildDedupe(dedupe: Dedupe, spool: Spool, now = Date.now()): Promise<void> {
  await spool.forgetPrints(now - dedupe.windowMs);
  for (const { tenant, stream, prints, receivedAt, ofIdsAlone } of spool.keptPrints(now - dedupe.windowMs)) {
    const lane = ofIdsAlone ? idLaneKey(tenant, stream) : laneKey(tenant, stream);
    dedupe.addAll(lane, prints, receivedAt);
  }
}
