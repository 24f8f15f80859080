import type { Chunk } from '../events/chunk.js';
import { INPUT_STREAMS, type InputStream } from '../events/event.js';
import { unpack } from '../ingest/pack.js';
import { isDamaged, type ChunkRecord } from '../ingest/spool-record.js';
import type { FoundEvent } from './found-event.js';
import { matchingLines } from './matching-lines.js';

/** The spool, as searches read it. */
export interface SpoolReading {
  /** What is in no batch that Temporal has, in order of receipt. */
  readonly unsent: (tenant: string, stream: InputStream) => Iterable<Chunk>;
  /** @throws HeadgateError `BATCH_CORRUPT` */
  readonly read: (chunk: Chunk) => ChunkRecord;
}

/** Of what waits, a search looks at this much: a tenth of a second. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Events in the spool that match, and how many it was too much to look at. */
export interface SpooledEvents {
  readonly found: readonly FoundEvent[];
  readonly left: number;
}

/** Looks for events that are acknowledged, and in no batch yet. */
export async function spooledEvents(
  spool: SpoolReading,
  tenant: string,
  attribute: 'id' | 'subject',
  value: string,
): Promise<SpooledEvents> {
  const found: FoundEvent[] = [];
  let [bytes, left] = [0, 0];
  for (const stream of INPUT_STREAMS) {
    // A copy: it changes while chunks are unpacked.
    for (const chunk of [...spool.unsent(tenant, stream)]) {
      bytes += chunk.bytes;
      if (bytes > MAX_BYTES) left += chunk.events;
      else found.push(...(await matchesIn(spool, chunk, attribute, value)));
    }
  }
  return { found, left };
}

/** None of a chunk that has left the spool meanwhile, since it is in a batch then, nor of one that is damaged. */
async function matchesIn(
  spool: SpoolReading,
  chunk: Chunk,
  attribute: 'id' | 'subject',
  value: string,
): Promise<FoundEvent[]> {
  try {
    const ndjson = await unpack(spool.read(chunk).events);
    return matchingLines(ndjson, attribute, value).map(({ row }) => ({ stream: chunk.stream, row }));
  } catch (error) {
    if (isDamaged(error)) return [];
    throw error;
  }
}
