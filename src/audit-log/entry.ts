import { createHash } from 'node:crypto';
import { clipToJsonBytes } from '../platform/clip.js';
import { printable } from '../platform/printable.js';

/** Whose act it was: of a tenant's token, an operator's, a command at the node, Temporal's own tools, or Headgate. */
type Role = 'tenant' | 'operator' | 'command' | 'temporal' | 'headgate' | 'unknown';

/** What came of an act: `refused` before it did anything, `failed` while it did. */
type Outcome = 'ok' | 'refused' | 'failed';

/** An act as it is handed to the log. Texts may be anybody's: they are clipped, and made printable. */
export interface Act {
  /** `operationId` of a route, `headgate …` of a command, or what Headgate did itself: `audit-log.expired`. */
  readonly act: string;
  readonly kind: 'changes' | 'reads';
  /** Whom it was about. Absent: no tenant in particular. */
  readonly tenant?: string;
  /** Who it was: `sub` of the token, or the user of the operating system. */
  readonly subject?: string;
  readonly role: Role;
  /** At the other end of the connection; behind a proxy it is the proxy. */
  readonly address?: string;
  /** `X-Forwarded-For`, as it was sent: nobody has checked it. */
  readonly forwardedFor?: string;
  /** The parameters of the path, or the arguments of a command. */
  readonly params?: Readonly<Record<string, string>>;
  /** Why, as who did it says. */
  readonly reason?: string;
  /** The id of what it has made. */
  readonly made?: string;
  readonly outcome: Outcome;
  /** The code of the error, where it is not `ok`. */
  readonly code?: string;
  /** The number of acts that it stands for, the first of them at `since`. */
  readonly count?: number;
  /** ISO 8601, UTC, as `at`. */
  readonly since?: string;
  /** When it was done. Default: now. */
  readonly at?: string;
}

/** A line of the log. */
export interface Entry extends Act {
  readonly at: string;
  /** One more than that of the line before. */
  readonly seq: number;
  /** Hash of the line before. */
  readonly previous: string;
  readonly hash: string;
}

/** Act of Headgate: `params.bytes` of half a line, which a crash had left, were cut. */
export const CUT = 'audit-log.cut';
/** Act of Headgate: the log ended before `params.seq`, which had been signed. */
export const SHORTENED = 'audit-log.shortened';
/** Act of Headgate: the lines up to `params.seq` were deleted, as they were older than the log is kept. */
export const EXPIRED = 'audit-log.expired';
/** Act of Headgate: the number of entries in `count` was left out, since there was no room for them. */
export const DROPPED = 'audit-log.dropped';

/** Where a chain is: its last line. */
export interface Position {
  readonly seq: number;
  readonly hash: string;
}

/** Where every chain begins. */
export const GENESIS: Position = { seq: 0, hash: '0'.repeat(64) };

/** Bytes of each text of an act, as JSON writes it. */
const MAX_TEXT_BYTES = 200;
/** A route's path has one or two. */
const MAX_PARAMS = 8;

/** An act with a time, whose texts are bounded and safe to show. */
export function prepared(act: Act, now: number): Act & { readonly at: string } {
  const texts = Object.entries({
    tenant: act.tenant,
    subject: act.subject,
    address: act.address,
    forwardedFor: act.forwardedFor,
    reason: act.reason,
    made: act.made,
  }).flatMap(([name, text]) => (text === undefined || text === '' ? [] : [[name, shown(text)] as const]));
  const params = Object.entries(act.params ?? {}).slice(0, MAX_PARAMS);
  return {
    at: act.at ?? new Date(now).toISOString(),
    act: shown(act.act),
    kind: act.kind,
    role: act.role,
    ...Object.fromEntries(texts),
    ...(params.length > 0 && {
      params: Object.fromEntries(params.map(([name, value]) => [shown(name), shown(value)])),
    }),
    outcome: act.outcome,
    ...(act.code !== undefined && { code: act.code }),
    ...(act.count !== undefined && { count: act.count }),
    ...(act.since !== undefined && { since: act.since }),
  };
}

/** One line of bounded length, without a character that a terminal or a viewer of logs would obey. */
function shown(text: string): string {
  const whole = printable(text.slice(0, 4 * MAX_TEXT_BYTES)).replaceAll('\n', '\\n');
  return clipToJsonBytes(whole, MAX_TEXT_BYTES);
}

/** Writes the line that follows a position: its hash is of all of the line before the hash. */
export function lineAfter(
  { seq, hash: previous }: Position,
  act: ReturnType<typeof prepared>,
): Position & { readonly line: string } {
  const { at, ...rest } = act;
  const text = JSON.stringify({ seq: seq + 1, at, ...rest, previous });
  const hash = hashOf(text);
  return { seq: seq + 1, hash, line: `${text.slice(0, -1)},"hash":"${hash}"}\n` };
}

const HASH = /^(.*),"hash":"([0-9a-f]{64})"\}$/s;

/** Reads a line; undefined for one that is no entry, or whose hash is not its own. */
export function entryIn(line: string): Entry | undefined {
  const [, text, hash] = HASH.exec(line) ?? [];
  if (text === undefined || hash !== hashOf(`${text}}`)) return undefined;
  try {
    const entry = JSON.parse(line) as Entry;
    return Number.isSafeInteger(entry.seq) && typeof entry.previous === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
