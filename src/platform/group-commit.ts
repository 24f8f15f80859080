/**
 * Makes one write serve all that ask while the one before it is under way. Each call resolves with a write that began
 * after it, and so holds what the caller had changed; it rejects if that write fails. At most one is under way and one
 * waiting, however many ask.
 */
export function createGroupCommit(write: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;

  function begin(): Promise<void> {
    waiting = undefined;
    const own = write().finally(() => {
      if (running === own) running = undefined;
    });
    running = own;
    return own;
  }

  return () => {
    // One that waits begins as soon as the one before it ends, and is joined until then.
    if (waiting !== undefined) return waiting;
    if (running === undefined) return begin();
    waiting = running.catch(() => undefined).then(begin);
    return waiting;
  };
}
