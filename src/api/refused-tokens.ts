import type { IncomingMessage } from 'node:http';
import { HeadgateError, type ErrorCode } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics } from '../observability/metrics.js';
import { addressOf } from './address.js';
import { heldBack } from './connections.js';
import { SlowedAnswers } from './slowed-answers.js';

/** What {@link RefusedTokens} needs. */
export interface RefusedTokensOptions {
  readonly log: Pick<Logger, 'warn'>;
  readonly metrics?: Pick<Metrics, 'tokenRefused'>;
  /** Requests without a good token that an address may make in a minute before it is slowed down. Default 60. */
  readonly refusedTokensPerMinute?: number;
  readonly now?: () => number;
}

const PER_MINUTE = 60;
const MINUTE = 60_000;
/** Addresses that are remembered, and lines that are logged, in a minute. */
const MOST_ADDRESSES = 10_000;
const MOST_LINES = 20;

/** What is wrong with the token itself; a failure to look its key up is not. */
const FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TOKEN_MISSING',
  'TOKEN_INVALID',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'WRITE_KEY_INVALID',
  'TENANT_UNKNOWN',
  'TENANT_SUSPENDED',
  'SOURCE_UNKNOWN',
  'SIGNATURE_INVALID',
]);

interface Minute {
  readonly began: number;
  /** Requests by address. */
  readonly refused: Map<string, number>;
  /** Addresses with codes that have a line. */
  readonly logged: Set<string>;
  unlogged: number;
}

/**
 * Requests that were refused for their tokens: counted by reason, logged at a bounded rate, and slowed down where an
 * address goes on. A good token always passes, whatever came from its address: behind a proxy, all clients have one.
 */
export class RefusedTokens {
  private readonly now: () => number;
  private readonly perMinute: number;
  private minute: Minute;
  private readonly slowed = new SlowedAnswers();

  constructor(private readonly options: RefusedTokensOptions) {
    this.now = options.now ?? Date.now;
    this.perMinute = options.refusedTokensPerMinute ?? PER_MINUTE;
    this.minute = minuteFrom(this.now());
  }

  /**
   * Notes why a token was not good, and throws what is to be answered.
   * @throws HeadgateError the given one, or `ADDRESS_RATE_LIMITED`, after a second, where too many have come from its
   * address in this minute
   */
  async refused(request: IncomingMessage, error: unknown): Promise<never> {
    if (!(error instanceof HeadgateError) || !FAULTS.has(error.code)) throw error;
    const address = addressOf(request.socket);
    this.note(address, error);
    if (this.count(address) <= this.perMinute) throw error;
    await this.slowed.hold(address, (release) => heldBack(request, release));
    throw tooMany(this.perMinute, (this.minute.began + MINUTE - this.now()) / 1000);
  }

  /** Notes that a good token does not allow what was asked for. Who asks is known, whose bounds hold. */
  notAllowed({ socket }: IncomingMessage, error: unknown): void {
    if (error instanceof HeadgateError) this.note(addressOf(socket), error);
  }

  /** Notes that a request under way was ended for its token, which had been good: its address is not slowed down. */
  ended({ socket }: IncomingMessage, error: unknown): void {
    if (error instanceof HeadgateError && FAULTS.has(error.code)) this.note(addressOf(socket), error);
  }

  private note(address: string, { code, message }: HeadgateError): void {
    this.options.metrics?.tokenRefused(code);
    if (this.now() - this.minute.began >= MINUTE) this.begin();
    const { logged } = this.minute;
    const line = `${address} ${code}`;
    if (logged.has(line) || logged.size >= MOST_LINES) this.minute.unlogged++;
    else {
      logged.add(line);
      this.options.log.warn('TOKEN_REFUSED', { address, code, reason: message });
    }
  }

  /** Returns how many have come from the address in this minute. */
  private count(address: string): number {
    const { refused } = this.minute;
    const count = (refused.get(address) ?? 0) + 1;
    if (count > 1 || refused.size < MOST_ADDRESSES) refused.set(address, count);
    return count;
  }

  private begin(): void {
    const { unlogged, refused } = this.minute;
    if (unlogged > 0) {
      const addresses = refused.size;
      this.options.log.warn('MORE_TOKENS_REFUSED', { requests: unlogged, addresses });
    }
    this.minute = minuteFrom(this.now());
  }
}

function minuteFrom(began: number): Minute {
  return { began, refused: new Map(), logged: new Set(), unlogged: 0 };
}

function tooMany(perMinute: number, seconds: number): HeadgateError {
  const message = `More than ${perMinute} requests without a good token have come from this address in a minute.`;
  const retryAfterSeconds = Math.max(1, Math.ceil(seconds));
  return new HeadgateError('ADDRESS_RATE_LIMITED', message, { retryable: true, retryAfterSeconds });
}
