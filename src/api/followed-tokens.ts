/** How the tokens of {@link FollowedTokens} are looked at. */
export interface TokenLooks<T> {
  /** Throws where a token is good no more, as far as that is known at once. */
  readonly assertGood: (token: T) => void;
  /** Whether the token's key need not be looked up. */
  readonly isFresh: (token: T) => boolean;
  /** Looks it up; rejects where it is not there. */
  readonly lookUp: (token: T) => Promise<void>;
  /** When it is to be looked at again, if nothing changes before: milliseconds since the epoch. */
  readonly nextLookAt: (token: T) => number;
}

interface Follower<T> {
  readonly token: T;
  readonly onLost: (reason: unknown) => void;
  timer?: NodeJS.Timeout;
}

/**
 * Tokens of requests that are under way. Each is looked at when it expires, when its key is to be looked up again, and
 * whenever what it was checked against changes. What is known at once is so before {@link FollowedTokens.look} returns.
 */
export class FollowedTokens<T> {
  private readonly followers = new Set<Follower<T>>();

  constructor(private readonly looks: TokenLooks<T>) {}

  /** Calls `onLost` with the reason, once, as soon as the token is good no more. Returns how to stop. */
  follow(token: T, onLost: (reason: unknown) => void): () => void {
    const follower: Follower<T> = { token, onLost };
    this.followers.add(follower);
    this.lookAt(follower);
    return () => this.leave(follower);
  }

  /** Looks at all of them, or at some. */
  look(isMeant: (token: T) => boolean = () => true): void {
    for (const follower of this.followers) if (isMeant(follower.token)) this.lookAt(follower);
  }

  private lookAt(follower: Follower<T>): void {
    if (!this.followers.has(follower)) return;
    const { token } = follower;
    try {
      this.looks.assertGood(token);
    } catch (error) {
      this.lose(follower, error);
      return;
    }
    clearTimeout(follower.timer);
    if (this.looks.isFresh(token)) {
      const waitMs = Math.max(1, this.looks.nextLookAt(token) - Date.now());
      follower.timer = setTimeout(() => this.lookAt(follower), waitMs).unref();
      return;
    }
    this.looks.lookUp(token).then(
      () => this.lookAt(follower),
      (error: unknown) => this.lose(follower, error),
    );
  }

  private lose(follower: Follower<T>, reason: unknown): void {
    if (this.followers.has(follower)) {
      this.leave(follower);
      follower.onLost(reason);
    }
  }

  private leave(follower: Follower<T>): void {
    this.followers.delete(follower);
    clearTimeout(follower.timer);
  }
}
