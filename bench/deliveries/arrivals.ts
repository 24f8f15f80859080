import { LatencyRecorder } from '../load/latency.js';
import type { Arrived } from './messages.js';

/** Counts events where they arrive. */
export class Arrivals {
  private received = 0;
  private readonly ids = new Set<string>();
  private latency = new LatencyRecorder();
  private firstAt = 0;
  private lastAt = 0;

  /** @param event its `time` is when it was due to be sent */
  take({ id, time }: { readonly id: string; readonly time: string }): void {
    const now = Date.now();
    this.received += 1;
    this.firstAt ||= now;
    this.lastAt = now;
    if (this.ids.has(id)) return;
    this.ids.add(id);
    this.latency.record(now - Date.parse(time));
  }

  /** What has come so far. */
  tell(): Arrived {
    const { received, ids, latency, firstAt, lastAt } = this;
    return { received, distinct: ids.size, latency: latency.summary(), firstAt, lastAt };
  }

  /** Latencies and times begin anew. */
  begin(): void {
    this.latency = new LatencyRecorder();
    this.firstAt = 0;
    this.lastAt = 0;
  }
}
