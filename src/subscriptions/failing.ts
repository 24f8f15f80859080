import { setTimeout as delay } from 'node:timers/promises';
import { clipToJsonBytes } from '../platform/clip.js';
import type { QueueNotes } from '../temporal/queue-rates.js';
import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { subscriptionQueue } from '../tenants/queues.js';

/** That what a subscription is given fails: its last try did. Times are ISO 8601. */
export interface Failing {
  /** When the first try failed since the last one that did not. */
  readonly since: string;
  /** What the last try came to, and the beginning of what its receiver said: `HTTP 500 Internal Server Error: no space`. */
  readonly lastError: string;
  readonly lastErrorAt: string;
}

/** How a try to deliver went. */
export interface Tried {
  readonly ok: boolean;
  /** What went wrong, in few stable words. */
  readonly error?: string;
  /** The same with the receiver's words; asked for only now and then. */
  readonly told?: () => string;
  /** Of what it was for, some had been tried before. */
  readonly again: boolean;
}

/** What {@link SubscriptionFailures} needs. */
export interface SubscriptionFailuresOptions {
  readonly notes: QueueNotes;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Milliseconds between two notes on one subscription, at least. Default 10 s. */
  readonly everyMs?: number;
}

interface Known {
  readonly fields: { readonly tenant: string; readonly subscription: string };
  /** The last failure; undefined if the last try did not fail. */
  failed?: { readonly at: number; readonly since: number; readonly told: () => string };
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
/** What a note begins with. */
const MARK = 'headgate failing ';

/** What the note on a subscription's queue says of its failures. */
export function failingOf(note: string | undefined): Failing | undefined {
  if (note?.startsWith(MARK) !== true) return undefined;
  try {
    const { since, lastError, lastErrorAt } = JSON.parse(note.slice(MARK.length)) as Partial<Failing>;
    const texts = [since, lastError, lastErrorAt].every((text) => typeof text === 'string');
    return texts ? ({ since, lastError, lastErrorAt } as Failing) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Keeps with the queue of each subscription whether what it is given fails, where every process sees it and the next one
 * finds it: a note that is written within seconds of a change, and no more often than every ten, however many tries there are.
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
  observe(tenant: string, name: string, { ok, error, told = () => error ?? '', again }: Tried): void {
    const of = this.of(tenant, name);
    const now = this.now();
    this.say(of.news.observe(ok, now), { ...of.fields, reason: error });
    if (ok) {
      if (of.noted && of.failed === undefined && !again) return;
      of.failed = undefined;
    } else of.failed = { at: now, since: of.failed?.since ?? now, told };
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
      of = { fields, noted: false, notedAt: Number.NEGATIVE_INFINITY, news: new FailureNews() };
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
    const { failed } = of;
    let note = '';
    if (failed !== undefined) {
      // It may have failed before this process was there.
      const since = Math.min(failed.since, Date.parse(failingOf(before)?.since ?? '') || Infinity);
      of.failed = { ...failed, since };
      const lastError = clipToJsonBytes(failed.told(), MAX_ERROR_BYTES);
      const lastErrorAt = new Date(failed.at).toISOString();
      note = `${MARK}${JSON.stringify({ since: new Date(since).toISOString(), lastError, lastErrorAt })}`;
    }
    if (note !== before) await notes.setNote(queue, note);
  }
}

/** So often at most it is said of one receiver that it begins to fail. */
const SAID_EVERY_MS = 10 * 60_000;

/**
 * What is to be said of a receiver's failures: that they begin, and that they are over, not each of them. One that fails and
 * recovers again and again is named every ten minutes.
 */
class FailureNews {
  private failing = false;
  private saidAt = Number.NEGATIVE_INFINITY;
  private said = false;

  /** @param now milliseconds since the epoch */
  observe(ok: boolean, now: number): 'failing' | 'recovered' | undefined {
    if (ok) {
      const recovered = this.failing && this.said;
      this.failing = this.said = false;
      return recovered ? 'recovered' : undefined;
    }
    if (this.failing) return undefined;
    this.failing = true;
    this.said = now - this.saidAt >= SAID_EVERY_MS;
    if (!this.said) return undefined;
    this.saidAt = now;
    return 'failing';
  }
}
