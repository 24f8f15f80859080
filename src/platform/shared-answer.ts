/**
 * Asks at most once in `forMs` milliseconds, however many want to know: all that come meanwhile get the same answer. For what
 * needs no token, which nobody may make cost more by asking more often. A failure is asked for again at once.
 * @param forMs default: for good
 */
export function sharedAnswer<T>(ask: () => Promise<T>, forMs = Infinity): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let until = 0;
  return () => {
    if (answer !== undefined && performance.now() < until) return answer;
    const asked = ask();
    answer = asked;
    until = Number.POSITIVE_INFINITY;
    const forget = (afterMs: number) => (): void => {
      if (answer === asked) until = performance.now() + afterMs;
    };
    asked.then(forget(forMs), forget(0));
    return asked;
  };
}
