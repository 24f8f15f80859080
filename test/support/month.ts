import type { PromotedField } from '../../src/events/promoted-field.js';
import { readWeek, type FlightEvent } from './flights.js';

let week: Map<string, FlightEvent[]> | undefined;

/** Days of the month. */
export const DAYS = 30;

const DAY_MS = 24 * 60 * 60 * 1000;
const WEEK_BEGINS = Date.parse('2013-01-01T00:00:00Z');

/** From which day on (counted from 0) the producer or the tenant's file is another. */
export const CHANGES = {
  /** Events have a gate, and what has held them up. */
  newField: 8,
  /** `delay_minutes` is text: `12 min`. */
  typeChange: 15,
  /** `gate` and `held_up.by` are promoted. */
  promoted: 22,
} as const;

/** The fields that are promoted on a day. */
export function promotedOn(day: number): PromotedField[] {
  const from = (column: string, type: PromotedField['type'], ...path: string[]): PromotedField => ({
    column,
    type,
    path,
  });
  return [
    from('delay', 'integer', 'delay_minutes'),
    from('distance', 'number', 'distance_miles'),
    from('carrier', 'text', 'carrier'),
    ...(day < CHANGES.promoted
      ? []
      : [from('gate', 'text', 'gate'), from('held_up_by', 'text', 'held_up', 'by')]),
  ];
}

/** A tenant's events of one day of the month: those of the real week over and over, as the producer sends them on that day. */
export function eventsOf(tenant: string, day: number): FlightEvent[] {
  const from = WEEK_BEGINS + (day % 7) * DAY_MS;
  const later = Math.floor(day / 7) * 7 * DAY_MS;
  week ??= readWeek('events');
  return (week.get(tenant) ?? [])
    .filter(({ time }) => Date.parse(time) >= from && Date.parse(time) < from + DAY_MS)
    .map((event, index) => ({
      ...event,
      id: `${event.id}-${day}`,
      time: new Date(Date.parse(event.time) + later).toISOString(),
      data: changed(event.data, day, index),
    }));
}

function changed(data: FlightEvent['data'], day: number, index: number): FlightEvent['data'] {
  const delay = data.delay_minutes;
  return {
    ...data,
    ...(day >= CHANGES.newField && {
      gate: index % 10 === 0 ? null : `${'ABC'[index % 3]}${index % 40}`,
      held_up: { by: ['weather', 'crew', 7][index % 3], at: [index, { runway: `${index % 4}L` }] },
    }),
    ...(day >= CHANGES.typeChange && delay !== undefined && { delay_minutes: `${Number(delay)} min` }),
  };
}

/** Where the promoted values of an event's data must be: computed apart from Headgate, for the fields of this month. */
export function expectedColumns(data: FlightEvent['data']): {
  readonly columns: Readonly<Record<string, unknown>>;
  readonly clashes: Readonly<Record<string, unknown>> | null;
} {
  const heldUp = data.held_up as { readonly by?: unknown } | undefined;
  const found: [column: string, value: unknown, fits: boolean][] = [
    ['delay', data.delay_minutes, Number.isInteger(data.delay_minutes)],
    ['distance', data.distance_miles, typeof data.distance_miles === 'number'],
    ['carrier', data.carrier, typeof data.carrier === 'string'],
    ['gate', data.gate, typeof data.gate === 'string'],
    ['held_up_by', heldUp?.by, typeof heldUp?.by === 'string'],
  ];
  const clashed = found.filter(([, value, fits]) => !fits && value !== undefined && value !== null);
  return {
    columns: Object.fromEntries(found.map(([column, value, fits]) => [column, fits ? value : null])),
    clashes:
      clashed.length === 0 ? null : Object.fromEntries(clashed.map(([column, value]) => [column, value])),
  };
}
