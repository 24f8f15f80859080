import { setTimeout as sleep } from 'node:timers/promises';
import { subjectName, type EventWriter } from './event-writer.js';
import { Http } from './http.js';
import { LatencyRecorder } from './latency.js';
import type { LoadSpec, LoadTally, Probes, ProbesResult } from './spec.js';
import { PROBE_SUBJECTS_FROM } from './subjects.js';
import { countAnswer, countUnanswered, emptyTally } from './tally.js';

/**
 * Pause between two looks for a decision: two milliseconds, or a twentieth of the time waited so far if that is more, so
 * that looking does not become a load of its own where decisions are late.
 */
const LOOK_AGAIN_MS = 2;
const LOOK_AGAIN_SHARE = 0.05;
/** A decision that takes longer than this is given up on. */
const DECIDED_WITHIN_MS = 30_000;
const CONNECTIONS = 32;

/** Posts single events with a subject of their own and looks for the decision on each until it is there. */
export class ProbeRunner {
  readonly tally: LoadTally = emptyTally();
  private readonly acknowledgement = new LatencyRecorder();
  private readonly decision = new LatencyRecorder();
  private readonly http: Http;
  private undecided = 0;
  private sent = 0;

  /** @param firstSubject number of the first probe's subject, counted from {@link PROBE_SUBJECTS_FROM} */
  constructor(
    private readonly probes: Probes,
    private readonly spec: LoadSpec,
    private readonly writer: EventWriter,
    private readonly firstSubject: number,
  ) {
    this.http = new Http(spec.url, CONNECTIONS);
  }

  /** Starts probes until `deadline` (of `performance.now`) and returns when all of them have ended. */
  async run(deadline: number): Promise<ProbesResult> {
    const open = new Set<Promise<void>>();
    const every = 1000 / this.probes.perSecond;
    for (let due = performance.now(); due < deadline; due += every) {
      await sleep(Math.max(0, due - performance.now()));
      const probe = this.probe(due);
      open.add(probe);
      void probe.finally(() => open.delete(probe));
    }
    await Promise.all(open);
    await this.http.close();
    return {
      ...this.tally,
      acknowledgement: this.acknowledgement.summary(),
      decision: this.decision.summary(),
      undecided: this.undecided,
    };
  }

  private async probe(due: number): Promise<void> {
    const { tenants } = this.probes;
    const token = this.spec.tenants[tenants[this.sent % tenants.length] as number]?.token ?? '';
    const subject = PROBE_SUBJECTS_FROM + this.firstSubject + this.sent++;
    const body = this.writer.body(1, performance.timeOrigin + due, { first: subject, step: 0, count: 1 });
    try {
      if (!countAnswer(this.tally, 1, await this.http.post(token, body))) return;
    } catch (error) {
      return countUnanswered(this.tally, 1, error);
    }
    this.acknowledgement.record(performance.now() - due);
    await this.untilDecided(token, subjectName(subject), due);
  }

  private async untilDecided(token: string, subject: string, due: number): Promise<void> {
    while (performance.now() < due + DECIDED_WITHIN_MS) {
      const answer = await this.http.eligibility(token, subject).catch(() => undefined);
      if (answer?.status === 200 && answer.body.includes('"rule"'))
        return this.decision.record(performance.now() - due);
      await sleep(Math.max(LOOK_AGAIN_MS, (performance.now() - due) * LOOK_AGAIN_SHARE));
    }
    this.undecided += 1;
  }
}
