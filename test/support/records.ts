import type { EventRow, InputStream } from '../../src/events/event.js';
import type { ChunkDecisions } from '../../src/eligibility/decide-chunk.js';
import { FINGERPRINT_BYTES } from '../../src/ingest/fingerprint.js';
import type { Chunk } from '../../src/events/chunk.js';
import type { Piece } from '../../src/ingest/pack.js';
import type { Spool } from '../../src/ingest/spool.js';
import type { RecordBody, RecordHead } from '../../src/ingest/spool-record.js';

/** The decisions on the events of a record. */
type Made = Omit<ChunkDecisions, 'decided' | 'ineligible'>;

/** Events that nothing has been decided on. */
const UNDECIDED: Made = { evaluated: 0, eligible: {}, ndjson: '' };

/** What a spool record says and holds of some events. */
export function recordOf(
  tenant: string,
  stream: InputStream,
  rows: readonly EventRow[],
  { evaluated, eligible, ndjson }: Made = UNDECIDED,
): [RecordHead, RecordBody] {
  const events = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const head: RecordHead = {
    tenant,
    stream,
    events: rows.length,
    bytes: events.length,
    receivedAt: Date.now(),
    evaluated,
    eligible,
    types: [...new Set(rows.map(({ type }) => type))].sort(),
    firstEvent: rows[0]?.id ?? '',
    lastEvent: rows.at(-1)?.id ?? '',
  };
  const prints = Buffer.alloc(FINGERPRINT_BYTES * rows.length, rows[0]?.id);
  return [head, { prints, events: plain(events), decisions: plain(ndjson) }];
}

function plain(ndjson: string): Piece {
  return { deflated: false, content: Buffer.from(ndjson) };
}

/** Appends events to a spool as ingest does. */
export function appendTo(spool: Spool, head: RecordHead, body: RecordBody): Promise<Chunk> {
  return spool.append(spool.reserve(), head, body);
}
