import { setTimeout as delay } from 'node:timers/promises';
import { clipToJsonBytes } from '../platform/clip.js';
import type { QueueNotes } from '../temporal/queue-rates.js';
import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { subscriptionQueue } from '../tenants/queues.js';
import { FailureNews } from './failure-news.js';
import { noteOf, notedOf, type Noted } from './noted.js';
import { SlowTries, type Slowness } from './slow-tries.js';

/** How a try to deliver went. */
export interface Tried {
  readonly ok: boolean;
  /** What went wrong, in few stable words. */
  readonly error?: string;
  /** The same with the receiver's words; asked for only now and then. */
  readonly told?: () => string;
  /** Of what it was for, some had been tried before. */
  readonly again: boolean;
  /** How long it took, where that says something of the receiver. */
  readonly seconds?: number;
}

/** What {@link SubscriptionFailures} needs. */
export interface SubscriptionFailuresOptions {
  readonly notes: QueueNotes;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Called when something has been noted. */
  readonly onNoted?: (tenant: string, subscription: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Milliseconds between two notes on one subscription, at least. Default 10 s. */
  readonly everyMs?: number;
}

interface Known {
  readonly fields: { readonly tenant: string; readonly subscription: string };
  /** The last failure; undefined if the last try did not fail. */
  failed?: { readonly at: number; readonly since: number; readonly told: () => string };
  readonly tries: SlowTries;
  slow?: Slowness;
  expensive?: { readonly since: number; readonly cores: number };
  /** What this process has noted last of its own: what others have noted is left as it is. */
  wrote: { readonly slow: boolean; readonly expensive: boolean };
  /** The note says what is known here. */
  noted: boolean;
  notedAt: number;
  timer?: NodeJS.Timeout;
  writing?: Promise<void>;
  readonly news: FailureNews;
}

const EVERY_MS = 10_000;
/** How long the end of the process waits for what is due. */
const CLOSE_WITHIN_MS = 2_000;
const MAX_ERROR_BYTES = 400;
const NOTHING = { slow: false, expensive: false };
/**
 * Keeps with the queue of each subscription whether what it is given fails, is slow, or costs far more than the others, where
 * every process sees it and the next one finds it: a note that is written within seconds of a change, and no more often
 * than every ten, however many tries there are.
 * One process may learn that what another has seen fail goes through: from what is tried again, and its own first try.
 */
export class SubscriptionFailures {
  private readonly known = new Map<string, Known>();
  private readonly now: () => number;
  private closed = false;

  constructor(private readonly options: SubscriptionFailuresOptions) {
    this.now = options.now ?? Date.now;
  }

  /** To be called for each try; asks for nothing while all is well. */
  observe(tenant: string, name: string, tried: Tried): void {
    const { ok, error, told = () => error ?? '', again, seconds } = tried;
    const of = this.of(tenant, name);
    const now = this.now();
    this.say(of.news.observe(ok, now), { ...of.fields, reason: error });
    const wasCalm = of.failed === undefined && of.slow === undefined;
    // What fails is said to fail, however long that takes.
    of.slow = ok && seconds !== undefined ? of.tries.observe(seconds, now) : undefined;
    of.failed = ok ? undefined : { at: now, since: of.failed?.since ?? now, told };
    if (of.noted && wasCalm && ok && of.slow === undefined && !again) return;
    of.noted = false;
    this.schedule(of);
  }

  /**
   * To be called now and then with what a subscription costs while that is far more than the others do, and once when it
   * is so no more.
   * @param cores seconds of CPU time in a second
   */
  observeCost(tenant: string, name: string, cores: number | undefined): void {
    const of = this.of(tenant, name);
    if (cores === undefined && of.expensive === undefined) return;
    of.expensive = cores === undefined ? undefined : { since: of.expensive?.since ?? this.now(), cores };
    of.noted = false;
    this.schedule(of);
  }

  /** Forgets a subscription that is not configured any more. */
  forget(tenant: string, name: string): void {
    const queue = subscriptionQueue(tenant, name);
    clearTimeout(this.known.get(queue)?.timer);
    this.known.delete(queue);
  }

  /** Notes what is due, if that can be done in a moment, and then no more. */
  async close(): Promise<void> {
    this.closed = true;
    const last = [...this.known.values()].map(async (of) => {
      clearTimeout(of.timer);
      await of.writing;
      if (!of.noted) await this.write(of);
    });
    await Promise.race([Promise.all(last), delay(CLOSE_WITHIN_MS, undefined, { ref: false })]);
  }

  private of(tenant: string, subscription: string): Known {
    const queue = subscriptionQueue(tenant, subscription);
    let of = this.known.get(queue);
    if (of === undefined) {
      const fields = { tenant, subscription };
      const news = new FailureNews();
      const notedAt = Number.NEGATIVE_INFINITY;
      of = { fields, noted: false, notedAt, news, tries: new SlowTries(), wrote: NOTHING };
      this.known.set(queue, of);
    }
    return of;
  }

  private say(
    news: 'failing' | 'recovered' | undefined,
    fields: Known['fields'] & { readonly reason?: string },
  ): void {
    const { log } = this.options;
    if (news === 'failing') log.warn('SUBSCRIPTION_FAILING', fields);
    if (news === 'recovered') log.info('SUBSCRIPTION_RECOVERED', fields);
  }

  private schedule(of: Known): void {
    if (this.closed || of.timer !== undefined || of.writing !== undefined) return;
    const waitMs = Math.max(0, of.notedAt + (this.options.everyMs ?? EVERY_MS) - this.now());
    of.timer = setTimeout(() => {
      of.timer = undefined;
      of.writing = this.write(of).finally(() => {
        of.writing = undefined;
        if (!of.noted) this.schedule(of);
      });
    }, waitMs).unref();
  }

  /** Never rejects: what could not be noted is noted later. */
  private async write(of: Known): Promise<void> {
    of.noted = true;
    of.notedAt = this.now();
    try {
      await this.note(of);
    } catch (error) {
      of.noted = false;
      const fields = { ...of.fields, reason: messageOf(error) };
      this.options.log.warn('FAILING_NOT_NOTED', fields);
    }
  }

  private async note(of: Known): Promise<void> {
    const { notes } = this.options;
    const queue = subscriptionQueue(of.fields.tenant, of.fields.subscription);
    const before = (await notes.note(queue)) ?? '';
    const noted = this.noted(of, notedOf(before, this.now()));
    of.wrote = { slow: of.slow !== undefined, expensive: of.expensive !== undefined };
    const note = noteOf(noted);
    if (note === before) return;
    await notes.setNote(queue, note);
    this.options.onNoted?.(of.fields.tenant, of.fields.subscription);
  }

  /** What is to be noted: what is known here, and what another process has found slow or expensive. */
  private noted(of: Known, before: Noted): Noted {
    const at = new Date(this.now()).toISOString();
    const { slow, expensive, wrote } = of;
    const others = {
      slow: wrote.slow ? undefined : before.slow,
      expensive: wrote.expensive ? undefined : before.expensive,
    };
    return {
      failing: this.failing(of, before.failing),
      slow: slow === undefined ? others.slow : { since: iso(slow.since), seconds: rounded(slow.seconds), at },
      expensive:
        expensive === undefined
          ? others.expensive
          : { since: iso(expensive.since), cores: rounded(expensive.cores), at },
    };
  }

  private failing(of: Known, before: Noted['failing']): Noted['failing'] {
    const { failed } = of;
    if (failed === undefined) return undefined;
    // It may have failed before this process was there.
    const since = Math.min(failed.since, Date.parse(before?.since ?? '') || Infinity);
    of.failed = { ...failed, since };
    const lastError = clipToJsonBytes(failed.told(), MAX_ERROR_BYTES);
    return { since: iso(since), lastError, lastErrorAt: iso(failed.at) };
  }
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function rounded(figure: number): number {
  return Math.round(figure * 100) / 100;
}
