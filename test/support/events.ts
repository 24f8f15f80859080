import { constants, inflateRawSync } from 'node:zlib';
import type { EventRow } from '../../src/events/event.js';
import type { TakenEvent } from '../../src/ingest/fresh.js';
import type { Piece } from '../../src/ingest/pack.js';
import { compileRules } from '../../src/rules/compile.js';
import type { CompiledRules } from '../../src/rules/compiled.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';

/** A tenant whose rule `third` needs an aggregate, and whose rule `big` needs a profile. */
const CONFIG = {
  tenant: 'UA',
  aggregates: { landings: { on: ['landed'], op: 'count', window: '24h' } },
  rules: [
    { name: 'third', on: ['landed'], when: 'aggregates.landings >= 3' },
    { name: 'big', on: ['landed', 'parked'], when: 'profile.seats >= 180' },
  ],
};

/** The compiled rules of a tenant: `third` over an aggregate, `big` over a profile, or what `more` puts in place of parts of it. */
export function rulesOf(more: object = {}): CompiledRules {
  return compileRules(parseTenantConfig(JSON.stringify({ ...CONFIG, ...more }), 'UA.yaml'));
}

/** One event of type `landed` about `N1`; `minute` sets its time, `more` whatever else. */
export function event(id: string, minute: number, more: Partial<EventRow> = {}): EventRow {
  return {
    specversion: '1.0',
    id,
    source: '/airports/EWR',
    type: 'landed',
    subject: 'N1',
    time: new Date(Date.UTC(2024, 2, 10, 12, minute)).toISOString(),
    received_at: '2024-03-10T13:00:00.000Z',
    data: {},
    ...more,
  } as EventRow;
}

/** Events as the API gives them to ingest. */
export function taken(rows: readonly EventRow[]): TakenEvent[] {
  return rows.map((row) => ({ row, json: JSON.stringify(row) }));
}

/** What is in a file of one JSON value a line. */
export function linesOf<T>(ndjson: Buffer | string | Piece): T[] {
  const lines = textOf(ndjson).split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as T);
}

function textOf(ndjson: Buffer | string | Piece): string {
  if (typeof ndjson === 'string' || Buffer.isBuffer(ndjson)) return ndjson.toString();
  const { deflated, content } = ndjson;
  // Blocks without a last one, and a trailer of eight bytes.
  const blocks = content.subarray(0, -8);
  const inflated = deflated ? inflateRawSync(blocks, { finishFlush: constants.Z_SYNC_FLUSH }) : content;
  return inflated.toString();
}
