import { CLOUDEVENT, CLOUDEVENTS } from '../../events/cloudevent.js';
import type { BatchRef } from '../../events/event.js';
import type { DeliveryJournal } from '../../stores/delivery-log/journal.js';
import type { PushConfig } from '../../tenants/config/subscription-config.js';
import type { Admission } from './breaker.js';
import type { FlowSignal, Slot } from '../deliveries/concurrency.js';
import type { PushControl, PushObserver } from './control.js';
import { lastErrorOf, secretsOf } from './last-error.js';
import { MAX_RETRY_AFTER_MS, type Poster, type PushOutcome } from './post.js';
import { heldForMs, type Receiver } from './receivers.js';
import { webhookIdOf, type Signer } from './sign.js';
import { longestRetryPauseMs, retryPauseMs } from '../deliveries/retry-pause.js';
import type { Tally } from '../deliveries/tally.js';
import type { TraceContext } from '../../events/trace-context.js';
import type { TracedPost, Tracing } from '../../tracing/tracing.js';
import { headgateVersion } from '../../version.js';
import type { Portion, Work } from './work.js';

/** Why a pass ended before its work did; `time` is any reason that lies with us: a minute is over, or the process ends. */
export type StopReason = 'time' | 'stopped' | 'held' | 'breaker' | 'gone' | 'failing';

/** What {@link PassRun} works on. */
export interface PassRunOptions {
  readonly tenant: string;
  readonly batch: BatchRef;
  /** Names the redrive or the replay that the batch is delivered again by. */
  readonly cause?: string;
  readonly config: PushConfig;
  readonly receiver: Receiver;
  readonly work: Work;
  readonly tally: Tally;
  readonly journal: DeliveryJournal;
  readonly sign: Signer;
  /** Configured headers: their values are nobody's but the receiver's. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  readonly control: PushControl;
  readonly observer: PushObserver;
  /** Follows requests whose events are followed. Default: none. */
  readonly tracing?: Pick<Tracing, 'post'>;
  /** Aborted when no more is to be taken up. */
  readonly ending: AbortSignal;
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
}

/**
 * The longest that events may wait after a number of attempts, by the retry schedule or because
 * the receiver has asked for it.
 */
export function longestPauseMs({ retry }: PushConfig, attempts: number): number {
  return Math.max(longestRetryPauseMs(retry, attempts), MAX_RETRY_AFTER_MS);
}

/** The receiver refuses what it was given, and would not refuse other events. */
const REFUSED: ReadonlySet<number | undefined> = new Set([400, 413, 422]);

/**
 * The requests of one pass. It takes up work while it may, as many requests at once as the subscription's concurrency
 * allows; when something stops it, it waits for what is on its way, so that nothing is posted that is not accounted for.
 */
export class PassRun {
  /** Requests made. */
  requests = 0;
  /** Of what was told to {@link PushControl}, all that has to be done before the next pass. */
  readonly told: (Promise<unknown> | void)[] = [];
  private stopReason: StopReason | undefined;
  private fault: { readonly error: unknown } | undefined;
  private readonly halt = new AbortController();
  private readonly underWay = new Set<Promise<void>>();
  private readonly poster: Poster;
  private readonly agent = { 'user-agent': `headgate/${headgateVersion()}` };

  constructor(private readonly options: PassRunOptions) {
    const { ending, receiver, config } = options;
    this.poster = receiver.poster(config);
    if (ending.aborted) this.stop('time');
    else ending.addEventListener('abort', () => this.stop('time'), { once: true });
  }

  /**
   * Makes the requests.
   * @returns what stopped it; undefined when all was tried
   */
  async run(): Promise<StopReason | undefined> {
    while (!this.halt.signal.aborted) {
      const portion = this.options.work.next();
      if (portion !== undefined) await this.takeUp(portion);
      // What is on its way may come back as halves.
      else if (this.underWay.size > 0) await Promise.race(this.underWay);
      else break;
    }
    await Promise.all(this.underWay);
    if (this.fault !== undefined) throw this.fault.error;
    return this.stopReason;
  }

  private stop(reason: StopReason): void {
    this.stopReason ??= reason;
    this.halt.abort();
  }

  private async takeUp(portion: Portion): Promise<void> {
    const { receiver, config, now } = this.options;
    const limits = { maxConcurrency: config.maxConcurrency, eventsPerSecond: config.limits.eventsPerSecond };
    const slot = await receiver.concurrency.acquire(portion.events.length, limits, this.halt.signal);
    if (slot === undefined) return;
    const reason = this.reasonToStop();
    const admission = reason === undefined ? receiver.breaker.admit(now()) : undefined;
    if (admission !== undefined) return this.begin(portion, slot, admission);
    slot.release('neutral');
    if (reason !== undefined) return this.stop(reason);
    // A probe of this very pass may be on its way, and decide.
    if (this.underWay.size === 0) return this.stop('breaker');
    this.options.work.putBack(portion);
    await Promise.race(this.underWay);
  }

  private reasonToStop(): StopReason | undefined {
    const { control, tenant, config, receiver, now } = this.options;
    if (control.isStopped(tenant, config.name)) return 'stopped';
    return heldForMs(receiver, now()) > 0 ? 'held' : undefined;
  }

  private begin(portion: Portion, slot: Slot, admission: Admission): void {
    this.requests++;
    const request = this.send(portion, slot, admission)
      .catch((error: unknown) => {
        // A mistake of ours: the pass ends, and says so.
        this.fault ??= { error };
        this.halt.abort();
      })
      .finally(() => this.underWay.delete(request));
    this.underWay.add(request);
  }

  private async send(portion: Portion, slot: Slot, admission: Admission): Promise<void> {
    const { config, tenant, observer, batch, cause } = this.options;
    const { events, attempts } = portion;
    const [body, headers] = this.formed(portion);
    const outcome = await this.post(portion, headers, body);
    const spoiled = events.length > 1 && REFUSED.has(outcome.status);
    slot.release(spoiled ? 'neutral' : flowSignalOf(outcome));
    if (spoiled) this.options.receiver.breaker.giveBack(admission);
    else this.observe(admission, outcome, attempts > 0);
    observer.requested(tenant, config.name, {
      ok: outcome.ok,
      events: events.length,
      retried: attempts > 0 ? events.length : 0,
      bytes: Buffer.byteLength(body),
      seconds: outcome.ms / 1000,
      batch,
      cause,
    });
    if (outcome.gone) this.disable('gone');
    else if (spoiled) this.options.work.bisect(portion);
    else this.account(portion, outcome);
  }

  /** The header of a single event's trace goes with it, whether or not anybody follows it here. */
  private post(
    { events, attempts }: Portion,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<PushOutcome> {
    const { config, tenant, batch, tracing } = this.options;
    const single = config.format === 'event';
    const send = (trace?: TraceContext): Promise<PushOutcome> =>
      this.poster.post({ ...trace, ...headers }, body, config.timeoutMs);
    const traces = events.flatMap(({ trace }) => trace ?? []);
    if (tracing === undefined || traces.length === 0) return send(single ? traces[0] : undefined);
    const attributes = {
      'http.request.method': 'POST',
      'headgate.tenant': tenant,
      'headgate.subscription': config.name,
      'headgate.batch': batch.batchId,
      'headgate.events': events.length,
      'headgate.attempt': attempts + 1,
    };
    return tracing.post({ attributes, events: traces, single, told: toldOf }, send);
  }

  private formed({ events }: Portion): [body: string, headers: Record<string, string>] {
    const { config, tenant, batch, sign, ownHeaders, now } = this.options;
    const single = config.format === 'event';
    const body = single ? events[0]!.json : `[${events.map(({ json }) => json).join()}]`;
    const id = webhookIdOf({ tenant, stream: batch.stream }, config.format, events);
    const type = { 'content-type': single ? CLOUDEVENT : CLOUDEVENTS };
    return [body, { ...ownHeaders, ...this.agent, ...type, ...sign(id, now(), body) }];
  }

  /** What it says of the receiver. */
  private observe(admission: Admission, outcome: PushOutcome, again: boolean): void {
    const { receiver, control, config, tenant, now } = this.options;
    const { breaker } = receiver;
    if ([429, 503].includes(outcome.status ?? 0) && outcome.retryAfterMs !== undefined)
      receiver.heldUntil = Math.max(receiver.heldUntil, now() + outcome.retryAfterMs);
    const verdict = breaker.observe(admission, outcome.ok, config.disableAfterFailures, now());
    const state = breaker.stateAt(now());
    const { ok, error } = outcome;
    const told = () => lastErrorOf(outcome, secretsOf(this.options.ownHeaders, config.url));
    control.tried(tenant, config.name, { ok, error, told, again, seconds: outcome.ms / 1000 });
    if (verdict.changed) this.told.push(control.observe(tenant, config.name, state));
    if (verdict.alert !== undefined) control.alert(tenant, config.name, verdict.alert, state);
    if (verdict.disable) this.disable('failing');
  }

  private disable(reason: 'gone' | 'failing'): void {
    if (this.stopReason === reason) return;
    const { control, tenant, config } = this.options;
    this.told.push(control.disable(tenant, config.name, reason));
    this.stop(reason);
  }

  /** What it says of the events. */
  private account({ events, attempts }: Portion, outcome: PushOutcome): void {
    const { tally, journal, config, now, random } = this.options;
    const at = new Date(now()).toISOString();
    const { ok, status, error = '', ms, body } = outcome;
    const pauseMs = retryPauseMs(config.retry, attempts, random);
    const dueAt = now() + Math.max(pauseMs ?? 0, askedPauseMs(outcome));
    for (const { line, id } of events) {
      const entry = {
        line,
        event: id,
        attempt: attempts + 1,
        at,
        ms,
        ...(status !== undefined && { status }),
      };
      if (ok) {
        tally.deliver(line, attempts);
        journal.add({ ...entry, outcome: 'delivered' });
        continue;
      }
      if (pauseMs === undefined) tally.exhaust(line, attempts, error);
      else tally.retry(line, attempts, dueAt);
      journal.add({ ...entry, outcome: 'failed', error, response: body });
    }
  }
}

/** The status, and no word of the answer. */
function toldOf({ ok, status }: PushOutcome): ReturnType<TracedPost<PushOutcome>['told']> {
  return { attributes: { 'http.response.status_code': status }, failed: !ok };
}

/** Only what a receiver says of its own strength: 429 and 503. */
function askedPauseMs({ status, retryAfterMs }: PushOutcome): number {
  return status === 429 || status === 503 ? (retryAfterMs ?? 0) : 0;
}

/** A receiver that refuses a request is not one that cannot keep up. */
function flowSignalOf({ ok, status }: PushOutcome): FlowSignal {
  if (ok) return 'success';
  return status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429
    ? 'neutral'
    : 'failure';
}
