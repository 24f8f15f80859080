import { unless } from '../errors.js';
import { INPUT_STREAMS, type InputStream } from '../events/event.js';
import { openIfThere, type BatchStore } from '../stores/batch-store/batch-store.js';
import type { IndexedBatch, KeyKind } from '../stores/event-index/segment.js';
import type { FoundEvent } from './found-event.js';
import type { Indexer } from './indexer.js';
import { matchingLines } from './matching-lines.js';

/** What searches of batches work with. */
export interface BatchSearchOptions {
  readonly batchStore: Pick<BatchStore, 'days' | 'open'>;
  readonly indexer: Pick<Indexer, 'candidates'>;
}

/** A batch that is to be looked at. */
export interface Candidate {
  readonly stream: InputStream;
  readonly batchId: string;
  /** Absent where it is not indexed. */
  readonly received?: Pick<IndexedBatch, 'first' | 'last'>;
}

/** Batch files that one request may read. */
export const MAX_FILES = 100;
/** Batch files that are read at once. */
const AT_ONCE = 4;

/** The days of which a tenant has batches, the newest first, with the streams that have. */
export async function keptDays(
  { batchStore }: BatchSearchOptions,
  tenant: string,
  streams: readonly InputStream[] = INPUT_STREAMS,
): Promise<readonly { readonly day: string; readonly streams: readonly InputStream[] }[]> {
  const byDay = new Map<string, InputStream[]>();
  for (const stream of streams)
    for (const day of await batchStore.days(tenant, stream))
      byDay.set(day, [...(byDay.get(day) ?? []), stream]);
  return [...byDay]
    .map(([day, having]) => ({ day, streams: having }))
    .sort((one, other) => (one.day < other.day ? 1 : -1));
}

/** The batches of a day that may hold an id or a subject, the newest first. None of an erased tenant. */
export async function candidatesOf(
  { indexer }: BatchSearchOptions,
  tenant: string,
  { day, streams }: { readonly day: string; readonly streams: readonly InputStream[] },
  kind: KeyKind,
  key: string,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const stream of streams) {
    const candidates = await indexer
      .candidates({ tenant, stream, day }, kind, key)
      .catch(unless('TENANT_ERASED'));
    for (const { batchId, first, last } of candidates?.indexed.values() ?? [])
      found.push({ stream, batchId, received: { first, last } });
    for (const batchId of candidates?.unindexed ?? [])
      if (candidates?.indexed.has(batchId) !== true) found.push({ stream, batchId });
  }
  return found.sort((one, other) => (orderOf(one.batchId) < orderOf(other.batchId) ? 1 : -1));
}

/** What a batch is sorted by within its day: the number that its node gave it, which rises with the clock. */
export function orderOf(batchId: string): string {
  return `${batchId.slice(18)}-${batchId.slice(9, 17)}`;
}

/** The events in a batch that match, in their order; none where it is gone. */
async function eventsIn(
  { batchStore }: BatchSearchOptions,
  tenant: string,
  { stream, batchId }: Candidate,
  kind: KeyKind,
  key: string,
): Promise<FoundEvent[]> {
  const opened = await openIfThere(batchStore, { tenant, stream, batchId }).catch(unless('TENANT_ERASED'));
  if (opened === undefined) return [];
  return matchingLines(opened.ndjson, kind, key).map(({ line, row }) => ({ stream, row, batchId, line }));
}

/** The same of several batches, in their order, a few at once. */
export async function* eventsInAll(
  options: BatchSearchOptions,
  tenant: string,
  candidates: readonly Candidate[],
  kind: KeyKind,
  key: string,
): AsyncGenerator<{ readonly candidate: Candidate; readonly events: readonly FoundEvent[] }> {
  for (let at = 0; at < candidates.length; at += AT_ONCE) {
    const some = candidates.slice(at, at + AT_ONCE);
    const read = await Promise.all(some.map((each) => eventsIn(options, tenant, each, kind, key)));
    for (const [index, candidate] of some.entries()) yield { candidate, events: read[index]! };
  }
}
