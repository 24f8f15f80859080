import type { EventRow, InputStream } from '../../src/event.js';
import type { ChunkDecisions } from '../../src/eligibility/decide-chunk.js';
import type { Chunk } from '../../src/ingest/lane.js';
import type { Spool } from '../../src/ingest/spool.js';
import type { RecordBody, RecordHead } from '../../src/ingest/spool-record.js';

/** Events that nothing has been decided on. */
const UNDECIDED: ChunkDecisions = { evaluated: 0, eligible: {}, ndjson: '' };

/** What a spool record says and holds of some events. */
export function recordOf(
  tenant: string,
  stream: InputStream,
  rows: readonly EventRow[],
  { ndjson, ...decided }: ChunkDecisions = UNDECIDED,
): [RecordHead, RecordBody] {
  const head: RecordHead = {
    ...{ tenant, stream, events: rows.length, receivedAt: Date.now(), ...decided },
    types: [...new Set(rows.map(({ type }) => type))].sort(),
    firstEvent: rows[0]?.id ?? '',
    lastEvent: rows.at(-1)?.id ?? '',
  };
  const events = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  return [head, { prints: Buffer.alloc(16 * rows.length, rows[0]?.id), events, decisions: ndjson }];
}

/** Appends events to a spool as ingest does. */
export function appendTo(spool: Spool, head: RecordHead, body: RecordBody): Promise<Chunk> {
  return spool.append(spool.reserve(), head, body);
}
