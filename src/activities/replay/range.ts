import { INPUT_STREAMS, type EventRow, type InputStream } from '../../events/event.js';
import { eventTimeMs } from '../../rules/event-time.js';
import { untilOf, type ReplayInput, type ReplayRange } from '../../workflows/messages/replays.js';
import { dayOf } from '../../platform/time.js';

/** A clock may have been set back by this between two events of one partition. */
const CLOCK_GRACE_MS = 10 * 60 * 1000;

/** A {@link ReplayRange} as it is looked at event by event. */
export interface CompiledRange {
  /** The streams it is about, in the order of {@link INPUT_STREAMS}. */
  readonly streams: readonly InputStream[];
  /** True for the events that the replay is about. */
  includes(event: EventRow): boolean;
  /** The first day (`YYYY-MM-DD`) on which a batch with such events can have been made; undefined for any. */
  readonly firstDay?: string;
  /** Receipt, milliseconds since the epoch, from which on events are no part of the replay. */
  readonly until: number;
}

/** Prepares a range. Nothing received after the replay was asked for is a part of it: it would never end. */
function compileRange(range: ReplayRange, requestedAt: number): CompiledRange {
  const { from, to, by, stream, types } = range;
  const fits = typesOf(types);
  const timeOf = by === 'receipt' ? receivedMs : eventTimeMs;
  const until = untilOf({ range, requestedAt });
  return {
    streams: stream === undefined ? INPUT_STREAMS : [stream],
    includes: (event) => {
      const time = timeOf(event);
      return time >= from && time < to && receivedMs(event) < until && fits(event.type);
    },
    // An event's own time says nothing of when it came; its batch is never made before it comes.
    ...(by === 'receipt' && { firstDay: dayFrom(from - CLOCK_GRACE_MS) }),
    until,
  };
}

/** True when neither this event of a node's stream nor one behind it was received before `until`. */
export function isPast(event: EventRow, until: number): boolean {
  return receivedMs(event) >= until + CLOCK_GRACE_MS;
}

/** When Headgate took an event, milliseconds since the epoch. */
function receivedMs({ received_at: at }: EventRow): number {
  return Date.parse(at);
}

/** What is looked at of a range; of a replay that has its bounds already. */
export function rangeOf({ range, requestedAt }: Pick<ReplayInput, 'range' | 'requestedAt'>): CompiledRange {
  return compileRange(range, requestedAt);
}

function typesOf(types: readonly string[] | undefined): (type: string) => boolean {
  if (types === undefined) return () => true;
  const exact = new Set(types.filter((type) => !type.endsWith('*')));
  const prefixes = types.filter((type) => type.endsWith('*')).map((type) => type.slice(0, -1));
  return (type) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}

function dayFrom(time: number): string | undefined {
  return time > 0 ? dayOf(time) : undefined;
}
