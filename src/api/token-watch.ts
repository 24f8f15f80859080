import type { Context } from 'koa';
import { callerOf, type Authenticator } from './authenticate.js';
import { servedTenantOf } from './tenant-of-request.js';
import type { RefusedTokens } from './refused-tokens.js';

/** What a {@link TokenWatch} needs. */
export interface TokenWatchOptions {
  readonly authenticate: Pick<Authenticator, 'check' | 'follow'>;
  readonly refusedTokens: Pick<RefusedTokens, 'ended'>;
}

/**
 * The token of a request that is under way. It may be revoked meanwhile, its key withdrawn, its tenant suspended, or it
 * expires: what is not answered by then is to be refused, and an answer that has begun is cut, since it must not look
 * whole.
 */
export class TokenWatch {
  /** Why the token is good no more; undefined as long as it is. */
  reason: unknown;
  private onLost?: () => void;
  private answering = false;

  constructor(
    private readonly ctx: Context,
    private readonly options: TokenWatchOptions,
  ) {}

  /** Calls back once the token is good no more, or at once: who works for the request works no longer. */
  whenLost(onLost: () => void): void {
    this.onLost = onLost;
    if (this.reason !== undefined) onLost();
  }

  /** Follows the token until the answer is through. */
  follow(): void {
    const { ctx } = this;
    if (ctx.res.destroyed) return;
    const { authenticate } = this.options;
    const leave = authenticate.follow(callerOf(ctx), (reason) => this.lose(reason), servedTenantOf(ctx));
    ctx.res.once('close', leave);
  }

  /**
   * To be called before anything is taken in or handed out.
   * @throws HeadgateError why the token is good no more
   */
  async check(): Promise<void> {
    const { ctx, options } = this;
    if (this.reason === undefined)
      await options.authenticate
        .check(callerOf(ctx), servedTenantOf(ctx))
        .catch((error: unknown) => this.lose(error));
    if (this.reason !== undefined) throw this.reason;
  }

  /** The answer is on its way from now on, and can only be cut. */
  answered(): void {
    this.answering = true;
  }

  /** Notes that a request came to nothing because of its token. */
  refused(): void {
    this.options.refusedTokens.ended(this.ctx.req, this.reason);
  }

  private lose(reason: unknown): void {
    this.reason ??= reason;
    this.onLost?.();
    const { res } = this.ctx;
    if (!this.answering || res.writableFinished) return;
    this.refused();
    res.destroy();
  }
}

/** The watch over the token of a request; set by the guard before it. */
export function tokenOf(ctx: Context): TokenWatch {
  return ctx.state.token as TokenWatch;
}
