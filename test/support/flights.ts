import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { InputStream } from '../../src/events/event.js';

/** The folder of the demo's tenants and data. */
export const FLIGHTS = fileURLToPath(new URL('../../examples/flights/', import.meta.url));

/** An event as a producer sends it. */
export interface FlightEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const FILES: Readonly<Record<InputStream, string>> = {
  'user-properties': 'aircraft.ndjson.gz',
  events: 'flights.ndjson.gz',
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Every event of a stream of the week, by tenant, in the order of the file. */
export function readWeek(stream: InputStream): Map<string, FlightEvent[]> {
  const byTenant = new Map<string, FlightEvent[]>();
  for (const line of gunzipSync(readFileSync(FLIGHTS + FILES[stream]))
    .toString('utf8')
    .trim()
    .split('\n')) {
    const { tenant, event } = JSON.parse(line) as { tenant: string; event: FlightEvent };
    byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), event]);
  }
  return byTenant;
}

/**
 * What the three rules say in words on a tenant's week: `<event id> <rule>` → outcome. Computed from the input alone:
 * nothing of Headgate is used.
 */
export function expectedDecisions(
  events: readonly FlightEvent[],
  properties: readonly FlightEvent[],
): Map<string, string> {
  const seats = new Map(properties.map(({ subject, data }) => [subject, Number(data.seats)]));
  const lateDepartures = new Map<string, number[]>();
  const outcomes = new Map<string, string>();
  const say = (event: FlightEvent, rule: string, eligible: boolean) =>
    outcomes.set(`${event.id} ${rule}`, eligible ? 'eligible' : 'ineligible');
  for (const event of events) {
    const delay = Number(event.data.delay_minutes);
    if (event.type === 'flight.cancelled') say(event, 'compensation', true);
    if (event.type === 'flight.arrived') {
      say(event, 'compensation', delay >= 180);
      say(event, 'large_aircraft_late', delay >= 60 && (seats.get(event.subject) ?? 0) >= 180);
    }
    if (event.type !== 'flight.departed') continue;
    const now = Date.parse(event.time);
    const late = [...(lateDepartures.get(event.subject) ?? []), ...(delay >= 30 ? [now] : [])];
    lateDepartures.set(event.subject, late);
    const within24h = late.filter((time) => time >= now - DAY_MS && time <= now).length;
    say(event, 'swap_aircraft', delay >= 30 && within24h >= 3);
  }
  return outcomes;
}
