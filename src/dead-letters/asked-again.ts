import { LRUCache } from 'lru-cache';

/** How long after it was asked for the same counts as asked again. */
const AGAIN_WITHIN_MS = 10_000;
const MOST_REMEMBERED = 1_000;

/** Has what is asked for twice within seconds, by an impatient client or a second click, done once. */
export class AskedAgain<T> {
  private readonly asked = new LRUCache<string, Promise<T>>({
    max: MOST_REMEMBERED,
    ttl: AGAIN_WITHIN_MS,
    // From when it was first asked for: what comes later may be meant for more.
    noUpdateTTL: true,
  });

  /**
   * Starts it, unless it was asked for a moment ago and goes on.
   * @param key what is asked for, and by whom
   * @param goingOn how the earlier one stands; undefined once it has ended
   */
  once(key: string, start: () => Promise<T>, goingOn: (earlier: T) => Promise<T | undefined>): Promise<T> {
    const earlier = this.asked.get(key);
    const answer =
      earlier === undefined
        ? start()
        : earlier.then(goingOn, () => undefined).then((standing) => standing ?? start());
    this.asked.set(key, answer);
    return answer;
  }
}
