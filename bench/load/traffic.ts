import { setTimeout as sleep } from 'node:timers/promises';
import type { EventWriter } from './event-writer.js';
import { Http } from './http.js';
import { LatencyRecorder } from './latency.js';
import type { LoadSpec, LoadTally, Pace, Traffic, TrafficResult } from './spec.js';
import { subjectsOf } from './subjects.js';
import { countAnswer, countUnanswered, emptyTally } from './tally.js';

/** A request that was not answered is followed by a pause, as a producer's would be. */
const PAUSE_AFTER_FAILURE_MS = 200;
/** How often an open loop looks whether a request is due. */
const TICK_MS = 1;

/** Posts one kind of traffic to its tenants in turn. */
export class TrafficRunner {
  readonly tally: LoadTally = emptyTally();
  private readonly latency = new LatencyRecorder();
  private readonly http: Http;
  private turn = 0;

  constructor(
    private readonly traffic: Traffic,
    private readonly spec: LoadSpec,
    private readonly writer: EventWriter,
  ) {
    this.http = new Http(spec.url, traffic.pace.connections, traffic.newConnections !== true);
  }

  /** Runs until `deadline` (of `performance.now`) and returns when the last request is answered. */
  async run(deadline: number): Promise<TrafficResult> {
    const { pace } = this.traffic;
    if (pace.kind === 'closed') {
      const loops = Array.from({ length: pace.connections }, () => this.closedLoop(pace, deadline));
      await Promise.all(loops);
    } else {
      await this.openLoop(pace, deadline);
    }
    await this.http.close();
    return { ...this.tally, acknowledgement: this.latency.summary() };
  }

  private async closedLoop(pace: Pace & { kind: 'closed' }, deadline: number): Promise<void> {
    while (performance.now() < deadline) {
      const waitMs = await this.request(performance.now(), this.requestEvents());
      const wait = pace.honourRetryAfter ? waitMs : Math.min(waitMs, TICK_MS);
      if (wait > 0) await sleep(Math.min(wait, Math.max(0, deadline - performance.now())));
    }
  }

  private async openLoop(pace: Pace & { kind: 'open' }, deadline: number): Promise<void> {
    const open = new Set<Promise<unknown>>();
    let due = performance.now();
    while (due < deadline) {
      for (const now = performance.now(); due <= now && due < deadline;) {
        const events = this.requestEvents();
        const request = this.request(due, events);
        open.add(request);
        void request.finally(() => open.delete(request));
        due += (events / pace.eventsPerSecond) * 1000;
      }
      await sleep(TICK_MS);
    }
    await Promise.all(open);
  }

  /** Sends one request that was due at `due`; returns how long to wait after it, in milliseconds. */
  private async request(due: number, events: number): Promise<number> {
    const { tenants } = this.traffic;
    const index = tenants[this.turn++ % tenants.length] as number;
    const at = performance.timeOrigin + due;
    const body = this.writer.body(events, at, subjectsOf(this.spec, index));
    try {
      const answer = await this.http.post(this.spec.tenants[index]?.token ?? '', body);
      if (!countAnswer(this.tally, events, answer)) return answer.retryAfterSeconds * 1000 || TICK_MS;
      this.latency.record(performance.now() - due);
      return 0;
    } catch (error) {
      countUnanswered(this.tally, events, error);
      return PAUSE_AFTER_FAILURE_MS;
    }
  }

  private requestEvents(): number {
    const { requestEvents } = this.traffic;
    if (typeof requestEvents === 'number') return requestEvents;
    const [from, to] = requestEvents;
    return from + Math.floor(Math.random() * (to - from + 1));
  }
}
