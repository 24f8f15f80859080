import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';

/** A look at the counters costs some microseconds; more often they would say nothing. */
const LOOK_EVERY_MS = 250;

/**
 * Tells how busy this process's event loop or the machine was of late, whichever is more, 0 to 1: since the call before,
 * but never over less than a quarter of a second. The machine counts, since on a small one Temporal shares its cores; the
 * event loop counts, since on a large one it is the first that is full.
 */
export function createBusyness(): () => number {
  let last = look();
  let share = 0;
  return () => {
    if (performance.now() - last.at < LOOK_EVERY_MS) return share;
    const now = look();
    const { utilization } = performance.eventLoopUtilization(now.loop, last.loop);
    const all = now.all - last.all;
    const machine = all === 0 ? 0 : 1 - (now.idle - last.idle) / all;
    last = now;
    return (share = Math.max(utilization, machine));
  };
}

function look() {
  let [idle, all] = [0, 0];
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { at: performance.now(), loop: performance.eventLoopUtilization(), idle, all };
}
