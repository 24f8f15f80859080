import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { EventRow } from '../../src/events/event.js';
import { compileRules } from '../../src/rules/compile.js';
import { evaluateEvent } from '../../src/rules/evaluate.js';
import { mergeProperties } from '../../src/rules/profile.js';
import { newProfileState, type ProfileState } from '../../src/rules/profile-state.js';
import { newSubjectState, type SubjectState } from '../../src/rules/subject-state.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';

const TENANTS = ['UA', 'AA', 'B6', 'DL', 'EV', 'MQ', 'US', 'WN', 'VX', 'FL', 'AS', '9E', 'F9', 'HA', 'YV'];
const DEDICATED = ['B6', 'EV', 'UA'];

const file = (name: string) => new URL(`../../examples/flights/${name}`, import.meta.url);

interface Line {
  readonly tenant: string;
  readonly event: Omit<EventRow, 'received_at'>;
}

function read(name: string): Line[] {
  const text = gunzipSync(readFileSync(file(name))).toString('utf8');
  return text.trim().split('\n').map((line) => JSON.parse(line) as Line); // prettier-ignore
}

const tenantFile = (tenant: string) =>
  parseTenantConfig(readFileSync(file(`tenants/${tenant}.yaml`), 'utf8'), `${tenant}.yaml`);

type Counts = Record<string, number>;

function count(counts: Counts, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** What the three rules say in words, computed from the input alone: nothing of Headgate is used. */
function naive(): Counts {
  const seats = new Map<string, number>();
  for (const { tenant, event } of read('aircraft.ndjson.gz')) {
    seats.set(`${tenant} ${event.subject}`, (event.data as { seats: number }).seats);
  }
  const lateDepartures = new Map<string, number[]>();
  const counts: Counts = {};
  for (const { tenant, event } of read('flights.ndjson.gz')) {
    const aircraft = `${tenant} ${event.subject}`;
    const delay = (event.data as { delay_minutes: number }).delay_minutes;
    const now = new Date(event.time).getTime();
    if (event.type === 'flight.cancelled') count(counts, `${tenant} compensation`);
    if (event.type === 'flight.arrived' && delay >= 180) count(counts, `${tenant} compensation`);
    if (event.type === 'flight.arrived' && delay >= 60 && (seats.get(aircraft) ?? 0) >= 180) {
      count(counts, `${tenant} large_aircraft_late`);
    }
    if (event.type !== 'flight.departed' || delay < 30) continue;
    const late = [...(lateDepartures.get(aircraft) ?? []), now];
    lateDepartures.set(aircraft, late);
    if (late.filter((time) => time >= now - 24 * 3600 * 1000).length >= 3)
      count(counts, `${tenant} swap_aircraft`);
  }
  return counts;
}

/** The same by the tenants' files. */
function byRules(): Counts {
  const rules = new Map(TENANTS.map((tenant) => [tenant, compileRules(tenantFile(tenant))]));
  const subjects = new Map<string, SubjectState>();
  const profiles = new Map<string, ProfileState>();
  const state = <T>(states: Map<string, T>, { tenant, event }: Line, make: () => T): T => {
    const key = `${tenant} ${event.subject}`;
    if (!states.has(key)) states.set(key, make());
    return states.get(key)!;
  };
  const row = ({ event }: Line): EventRow => ({ ...event, received_at: '2026-01-01T00:00:00.000Z' });
  for (const line of read('aircraft.ndjson.gz'))
    mergeProperties(state(profiles, line, newProfileState), row(line));
  const counts: Counts = {};
  for (const line of read('flights.ndjson.gz')) {
    const subject = state(subjects, line, newSubjectState);
    const profile = state(profiles, line, newProfileState);
    const evaluations = evaluateEvent(rules.get(line.tenant)!, subject, profile.values, row(line));
    for (const { rule, outcome } of evaluations)
      if (outcome === 'eligible') count(counts, `${line.tenant} ${rule}`);
  }
  return counts;
}

const totalOf = (counts: Counts, rule: string) =>
  Object.entries(counts).reduce((sum, [key, n]) => (key.endsWith(` ${rule}`) ? sum + n : sum), 0);

describe('rules/flights: the tenants of examples/flights on the real week', () => {
  it('has a file for each of the 15 airlines, the three busiest dedicated, all with the same rules', () => {
    const configs = TENANTS.map(tenantFile);
    assert.deepEqual(
      configs.map(({ tenant }) => tenant),
      TENANTS,
    );
    const dedicated = configs.filter(({ isolation }) => isolation === 'dedicated');
    assert.deepEqual(dedicated.map(({ tenant }) => tenant).sort(), DEDICATED);
    for (const { rules, aggregates } of configs) {
      assert.deepEqual(
        { rules, aggregates },
        { rules: configs[0]!.rules, aggregates: configs[0]!.aggregates },
      );
    }
  });

  it('decides exactly as a separate computation from the input does', function () {
    this.timeout(20_000);
    const expected = naive();
    assert.deepEqual(byRules(), expected);
    assert.equal(totalOf(expected, 'swap_aircraft'), 28);
    assert.equal(totalOf(expected, 'compensation'), 60);
    assert.ok(totalOf(expected, 'large_aircraft_late') > 0);
  });
});
