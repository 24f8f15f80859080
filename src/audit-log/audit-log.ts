import { HeadgateError, messageOf } from '../errors.js';
import { createGroupCommit } from '../platform/group-commit.js';
import type { Logger } from '../platform/logger.js';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../platform/time.js';
import { Chain } from './chain.js';
import { DROPPED, type Act, type Position } from './entry.js';
import type { AuditLogPlaces } from './files.js';

/** What {@link AuditLog} needs. */
export interface AuditLogOptions {
  readonly places: AuditLogPlaces;
  /** How long lines are kept, in milliseconds. */
  readonly keepMs: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly now?: () => number;
}

/** Acts that wait in memory, at most; each takes about a kilobyte. */
const MAX_WAITING = 5_000;
/** What nobody waits for is written after this long, together. */
const LINGER_MS = SECOND_MS;

/**
 * The audit log of a process. Acts are written in groups: who changes something waits until its act is on disk, others do not.
 * Those who do not wait are dropped when there is no room for them, and counted; a change is refused before it is made while
 * the log cannot be written.
 */
export class AuditLog {
  private readonly chain: Chain;
  private waiting: Act[] = [];
  private dropped = 0;
  /** Why what waits could not be written. */
  private failure: string | undefined;
  private said: string | undefined;
  private signed: Position | undefined;
  private saidAt = 0;
  private lingering: NodeJS.Timeout | undefined;
  private readonly timers: readonly NodeJS.Timeout[];
  private readonly commit = createGroupCommit(() => this.write());

  constructor(private readonly options: AuditLogOptions) {
    this.chain = new Chain(options.places, options.now);
    this.timers = [
      setInterval(() => void this.sign().catch((error: unknown) => this.say(error)), MINUTE_MS).unref(),
      setInterval(() => void this.expire(), HOUR_MS).unref(),
    ];
  }

  /** Brings the log's end in order, signs it, and deletes what is older than it is kept. */
  async open(): Promise<void> {
    // A disk that is full now must not keep the process from starting.
    await this.sign().catch((error: unknown) => this.say(error));
    await this.expire();
  }

  /** Takes an act that nobody waits for. */
  note(act: Act): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.dropped += act.count ?? 1;
      return;
    }
    this.waiting.push(act);
    this.commitSoon();
  }

  /**
   * Takes the act of a change; resolves when it is on disk.
   * @throws HeadgateError `AUDIT_LOG_UNAVAILABLE`: it is not yet; it will be written as soon as the log can be
   */
  async change(act: Act): Promise<void> {
    this.waiting.push(act);
    try {
      await this.commit();
    } catch (error) {
      throw unavailable('It may have been done, and is not in the audit log yet', error);
    }
  }

  /** To be called before a change is made. @throws HeadgateError `AUDIT_LOG_UNAVAILABLE` */
  assertWritable(): void {
    if (this.failure !== undefined || this.waiting.length >= MAX_WAITING)
      throw unavailable('Nothing was changed, as the audit log cannot be written', this.failure);
  }

  /** Writes what waits. */
  flush(): Promise<void> {
    return this.commit();
  }

  /** Writes what waits, and signs it. */
  async close(): Promise<void> {
    for (const timer of [...this.timers, this.lingering]) clearTimeout(timer);
    try {
      await this.commit();
      await this.sign(true);
    } catch (error) {
      this.say(error);
    }
  }

  private commitSoon(): void {
    this.lingering ??= setTimeout(() => {
      this.lingering = undefined;
      // What fails has been said, and is tried again.
      this.commit().catch(() => undefined);
    }, LINGER_MS).unref();
  }

  private async write(): Promise<void> {
    const [acts, dropped] = [this.waiting, this.dropped];
    const lost: Act = { act: DROPPED, kind: 'reads', role: 'headgate', outcome: 'failed', count: dropped };
    const all = dropped > 0 ? [...acts, lost] : acts;
    if (all.length === 0) return;
    this.waiting = [];
    this.dropped = 0;
    try {
      await this.chain.append(all);
    } catch (error) {
      this.waiting = [...acts, ...this.waiting];
      this.dropped += dropped;
      this.failure = messageOf(error);
      this.say(error);
      this.commitSoon();
      throw error;
    }
    if (dropped > 0) this.options.log.warn('AUDIT_LOG_DROPPED', { acts: dropped });
    if (this.failure !== undefined) this.options.log.info('AUDIT_LOG_WRITTEN_AGAIN', {});
    this.failure = undefined;
    this.said = undefined;
  }

  /** Once for each problem, not at every try. */
  private say(error: unknown): void {
    const reason = messageOf(error);
    if (reason !== this.said) this.options.log.error('AUDIT_LOG_FAILED', { reason });
    this.said = reason;
  }

  /** Says the head in the process's own log as well, now and then: who keeps that elsewhere can tell what was cut. */
  private async sign(say = false): Promise<void> {
    const head = await this.chain.sign(this.signed);
    if (head === undefined) return;
    this.signed = head;
    const now = (this.options.now ?? Date.now)();
    if (!say && now - this.saidAt < HOUR_MS) return;
    this.saidAt = now;
    this.options.log.info('AUDIT_LOG_SIGNED', { head: `${head.seq}:${head.hash}` });
  }

  private async expire(): Promise<void> {
    try {
      const days = await this.chain.expire(this.options.keepMs);
      if (days > 0) this.options.log.info('AUDIT_LOG_EXPIRED', { daysDeleted: days });
    } catch (error) {
      this.say(error);
    }
  }
}

function unavailable(what: string, cause: unknown): HeadgateError {
  const message = `${what}: ${messageOf(cause ?? 'too much waits for it')}.`;
  return new HeadgateError('AUDIT_LOG_UNAVAILABLE', message, {
    retryable: true,
    retryAfterSeconds: 5,
    cause,
  });
}
