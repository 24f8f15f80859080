import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';

/** A look at the counters costs some microseconds; more often they would say nothing. */
const LOOK_EVERY_MS = 250;

/** Milliseconds that the event loop and the machine's cores have worked and rested since they began. */
export interface BusynessCounters {
  readonly loop: WorkAndRest;
  readonly machine: WorkAndRest;
}

interface WorkAndRest {
  readonly active: number;
  readonly idle: number;
}

/**
 * Tells how busy this process's event loop or the machine was of late, whichever is more, 0 to 1: since the call before,
 * but never over less than a quarter of a second. The machine counts, since on a small one Temporal shares its cores; the
 * event loop counts, since on a large one it is the first that is full.
 * @param now milliseconds on a clock that never goes back
 */
export function createBusyness(
  look: () => BusynessCounters = countersOfProcess,
  now: () => number = () => performance.now(),
): () => number {
  let [last, lastAt, share] = [look(), now(), 0];
  return () => {
    const at = now();
    if (at - lastAt < LOOK_EVERY_MS) return share;
    const counters = look();
    share = Math.max(shareOf(last.loop, counters.loop), shareOf(last.machine, counters.machine));
    [last, lastAt] = [counters, at];
    return share;
  };
}

function shareOf(before: WorkAndRest, after: WorkAndRest): number {
  const active = after.active - before.active;
  const all = active + after.idle - before.idle;
  return all === 0 ? 0 : active / all;
}

/** The counters of this process and its machine. */
export function countersOfProcess(): BusynessCounters {
  let [active, idle] = [0, 0];
  for (const { times } of cpus()) {
    active += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { loop: performance.eventLoopUtilization(), machine: { active, idle } };
}
