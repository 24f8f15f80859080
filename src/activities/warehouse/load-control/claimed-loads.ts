import { STREAMS } from '../../../events/event.js';
import type { LoadClaims } from '../../../stores/load-claims/load-claims.js';
import type { PastLoadJob } from './job-counts.js';
import { DAY_MS, dayOf } from '../../../platform/time.js';

/** A claim is among those of the day that its load was asked for, which may have had to wait since. */
const MAX_WAIT_MS = 3 * DAY_MS;

/**
 * Builds what says which load jobs a tenant has had, by the claims that every process writes before it submits one. A job
 * that follows a failed one of the same claim is not among them: the process that submits it counts it.
 */
export function claimedLoads(
  claims: Pick<LoadClaims, 'times'>,
): (tenant: string, since: number) => Promise<PastLoadJob[]> {
  return async (tenant, since) => {
    const from = dayOf(since - MAX_WAIT_MS);
    const found: PastLoadJob[] = [];
    for (const stream of STREAMS)
      for (const at of await claims.times({ tenant, stream, from }))
        if (at >= since) found.push({ stream, at });
    return found;
  };
}
