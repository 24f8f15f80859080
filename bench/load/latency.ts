import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Latency } from './spec.js';

const US_PER_MS = 1000;

/** Collects durations at a resolution of a microsecond. */
export class LatencyRecorder {
  private readonly histogram: RecordableHistogram = createHistogram();

  /** @param milliseconds any duration; below a microsecond it counts as one */
  record(milliseconds: number): void {
    this.histogram.record(Math.max(1, Math.round(milliseconds * US_PER_MS)));
  }

  /** What was recorded; all zero when nothing was. */
  summary(): Latency {
    const { histogram } = this;
    if (histogram.count === 0) return { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p99_9: 0, max: 0 };
    const at = (percentile: number): number => toMs(histogram.percentile(percentile));
    return {
      count: histogram.count,
      mean: toMs(histogram.mean),
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p99_9: at(99.9),
      max: toMs(histogram.max),
    };
  }
}

/** Milliseconds with two decimals. */
function toMs(microseconds: number): number {
  return Math.round(microseconds / 10) / 100;
}
