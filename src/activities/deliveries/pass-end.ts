import { Context } from '@temporalio/activity';

/** A pass takes up work for this long; the rest is the next one's. */
const PASS_MS = 60_000;

/** What ends a pass besides Temporal. */
export interface PassEndOptions {
  /** Aborted when this process begins to end. Default: never. */
  readonly ending?: AbortSignal;
  /** How long a pass takes up work. Default 60 s. */
  readonly passMs?: number;
}

/** The end of a pass. */
export interface PassEnd {
  /** Aborted when the pass is to take up nothing more: by the time, the process, or Temporal. */
  readonly signal: AbortSignal;
  /** To be called when the pass is over. */
  clear(): void;
}

/** Tells the activity that runs when its pass is to end. */
export function endOfPass({ ending, passMs = PASS_MS }: PassEndOptions): PassEnd {
  const end = new AbortController();
  const abort = (): void => end.abort();
  const timer = setTimeout(abort, passMs);
  const causes = [ending, Context.current().cancellationSignal];
  for (const cause of causes) {
    if (cause?.aborted === true) abort();
    cause?.addEventListener('abort', abort);
  }
  const clear = (): void => {
    clearTimeout(timer);
    for (const cause of causes) cause?.removeEventListener('abort', abort);
  };
  return { signal: end.signal, clear };
}
