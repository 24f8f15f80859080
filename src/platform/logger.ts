import { pino, type DestinationStream, type Logger as Pino } from 'pino';
import { systemCodeOf } from '../errors.js';
import type { LogField } from '../reference/log-lines/fields.js';
import type { LineLevel } from '../reference/log-lines/line-text.js';
import { LOG_LINES, type LineId, type LineIdAt } from '../reference/log-lines/log-lines.js';

/** Levels of the log, from most to least. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** How lines are written: as JSON, or for people at a terminal. */
export type LogFormat = 'json' | 'pretty';

/** What differs from line to line. */
export type LogFields = { readonly [Field in LogField]?: unknown };

type Write<Level extends LineLevel> = (id: LineIdAt<Level>, fields?: LogFields) => void;

/**
 * The process's log. A line has an id of the catalogue (`reference/log-lines/`), which fixes its level and its phrase; the method
 * repeats the level for the reader of the call.
 */
export interface Logger {
  readonly debug: Write<'debug'>;
  readonly info: Write<'info'>;
  readonly warn: Write<'warn'>;
  readonly error: Write<'error'>;
}

/** How {@link createLogger} writes. */
export interface LoggerOptions {
  /** Default: stderr, so that stdout stays free for what a command prints. */
  readonly destination?: DestinationStream;
  /** Makes a line of JSON readable, as `pretty-lines.ts` does. Default: it stays as it is. */
  readonly pretty?: (json: string) => string;
  /** Called when the reader of stderr has gone. */
  readonly onUnread?: () => void;
}

/** Characters of a text in a field: what came from outside may be as long as it likes. */
const MAX_TEXT = 4_000;
/** Of a list or an object, and how deep: pino writes no more of them. */
const MAX_ENTRIES = 100;
const MAX_DEPTH = 5;

/** Names of what is not to be in a log, at whatever depth. */
const SECRET = /^(token|authorization|password|secret)$/i;

/**
 * The log as lines of JSON. Authorization headers, tokens, passwords and secrets are cut out wherever they appear as fields, and
 * long texts are shortened. A line whose level is off costs nothing but the call.
 */
export function createLogger(level: LogLevel, options: LoggerOptions = {}): Logger {
  const log = pino(
    {
      level,
      base: undefined,
      serializers: { err: (error: unknown) => cleaned(pino.stdSerializers.err(error as Error)) },
    },
    prettied(options.destination ?? standardError(options.onUnread), options.pretty),
  );
  return {
    debug: writer(log, 'debug'),
    info: writer(log, 'info'),
    warn: writer(log, 'warn'),
    error: writer(log, 'error'),
  };
}

/** Whether a text is the id of a line: workflows can log no other way than by the text of a message. */
export function isLineId(text: string): text is LineId {
  return Object.hasOwn(LOG_LINES, text);
}

function writer<Level extends LineLevel>(log: Pino, level: Level): Write<Level> {
  if (!log.isLevelEnabled(level)) return () => undefined;
  return (id, fields) => log[level](lineOf(id, fields), LOG_LINES[id].phrase);
}

function lineOf(id: LineId, fields: LogFields = {}): object {
  return { id, ...entriesOf(fields, 0) };
}

/** The value without secrets, its texts cut. An error goes to pino's serializer, and comes back from there. */
function cleaned(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT - 1)}…` : value;
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth >= MAX_DEPTH || 'toJSON' in value) return value;
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((each) => cleaned(each, depth + 1));
  return entriesOf(value, depth + 1);
}

function entriesOf(value: object, depth: number): Record<string, unknown> {
  const entries: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value).slice(0, MAX_ENTRIES))
    entries[name] = SECRET.test(name) ? '[redacted]' : cleaned(each, depth);
  return entries;
}

function standardError(onUnread: () => void = () => undefined): DestinationStream {
  const stream = pino.destination({ dest: 2, sync: false });
  // pino itself writes nothing more then.
  stream.on('error', (error) => {
    if (systemCodeOf(error) === 'EPIPE') onUnread();
  });
  return stream;
}

function prettied(stream: DestinationStream, pretty?: (json: string) => string): DestinationStream {
  return pretty === undefined ? stream : { write: (json) => stream.write(pretty(json)) };
}
