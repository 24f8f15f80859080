import { cpus } from 'node:os';
import { performance, type EventLoopUtilization } from 'node:perf_hooks';

/** A look at the counters costs some microseconds; more often they would say nothing. */
const LOOK_EVERY_MS = 250;

interface CpuTimes {
  readonly idle: number;
  readonly all: number;
}

/**
 * How busy this process's event loop or the machine was of late, whichever is more, 0 to 1. The machine counts, since on
 * a small one Temporal shares its cores; the event loop counts, since on a large one it is the first that is full.
 */
export class Busyness {
  private loop: EventLoopUtilization = performance.eventLoopUtilization();
  private times: CpuTimes = cpuTimes();
  private lookedAt = performance.now();
  private last = 0;

  /** The share since the last look, or what it was then if that was just now. */
  now(): number {
    if (performance.now() - this.lookedAt < LOOK_EVERY_MS) return this.last;
    const loop = performance.eventLoopUtilization();
    const times = cpuTimes();
    const { utilization } = performance.eventLoopUtilization(loop, this.loop);
    const all = times.all - this.times.all;
    const machine = all === 0 ? 0 : 1 - (times.idle - this.times.idle) / all;
    Object.assign(this, { loop, times, lookedAt: performance.now(), last: Math.max(utilization, machine) });
    return this.last;
  }
}

function cpuTimes(): CpuTimes {
  let [idle, all] = [0, 0];
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, all };
}
