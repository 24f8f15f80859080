import { SECOND_MS } from '../platform/time.js';

/** That what a subscription is given fails: its last try did. Times are ISO 8601. */
interface Failing {
  /** When the first try failed since the last one that did not. */
  readonly since: string;
  /** What the last try came to, and the beginning of what its receiver said: `HTTP 500 Internal Server Error: no space`. */
  readonly lastError: string;
  readonly lastErrorAt: string;
}

/** That tries of a subscription take long though they do not fail. */
interface Slow {
  readonly since: string;
  /** Seconds that a try took, on average, lately. */
  readonly seconds: number;
  /** When that was noted. */
  readonly at: string;
}

/** That a subscription takes far more CPU time than the others. */
interface Expensive {
  readonly since: string;
  /** Seconds of CPU time in a second, of one process. */
  readonly cores: number;
  /** When that was noted. */
  readonly at: string;
}

/** What is noted of a subscription with its queue: what is wrong there beside how it stands. */
export interface Noted {
  readonly failing?: Failing;
  readonly slow?: Slow;
  readonly expensive?: Expensive;
}

/** What a note begins with that says of failures alone, as those of earlier versions do. */
const FAILING_MARK = 'headgate failing ';
const MARK = 'headgate noted ';

/** What is renewed while it lasts, and has not been for this long, is over: nothing is tried any more, or the process is gone. */
const CURRENT_MS = 60 * SECOND_MS;

/** What the note on a subscription's queue says of it now. */
export function notedOf(note: string | undefined, now = Date.now()): Noted {
  if (note?.startsWith(FAILING_MARK) === true) return noted({ failing: parsed(note, FAILING_MARK) }, now);
  return note?.startsWith(MARK) === true ? noted(parsed(note, MARK), now) : {};
}

/** What is noted as text; empty where nothing is. */
export function noteOf({ failing, slow, expensive }: Noted): string {
  if (slow !== undefined || expensive !== undefined)
    return `${MARK}${JSON.stringify({ failing, slow, expensive })}`;
  return failing === undefined ? '' : `${FAILING_MARK}${JSON.stringify(failing)}`;
}

type Unknown = Readonly<Partial<Record<keyof Noted, unknown>>>;

function noted({ failing, slow, expensive }: Unknown, now: number): Noted {
  return {
    ...(hasTexts<Failing>(failing, ['since', 'lastError', 'lastErrorAt']) && { failing }),
    ...(isCurrent<Slow>(slow, 'seconds', now) && { slow }),
    ...(isCurrent<Expensive>(expensive, 'cores', now) && { expensive }),
  };
}

function parsed(note: string, mark: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(note.slice(mark.length));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function hasTexts<Of extends object>(value: unknown, keys: readonly (keyof Of & string)[]): value is Of {
  if (typeof value !== 'object' || value === null) return false;
  return keys.every((key) => typeof (value as Record<string, unknown>)[key] === 'string');
}

function isCurrent<Of extends { readonly since: string; readonly at: string }>(
  value: unknown,
  figure: string,
  now: number,
): value is Of {
  if (!hasTexts<{ since: string; at: string }>(value, ['since', 'at'])) return false;
  return (
    Number.isFinite((value as Record<string, unknown>)[figure]) && now - Date.parse(value.at) < CURRENT_MS
  );
}
