import {
  INPUT_STREAMS,
  type BatchRef,
  type EventRow,
  type InputStream,
  type BatchName,
} from '../../events/event.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';
import { isCopy, nodeOfBatch } from '../../tenants/ids.js';
import { KeptPartition, type Slice } from './kept-partition.js';

/** Events handed on at once: some milliseconds of work, between which requests are answered. */
const MOST_AT_ONCE = 200;

/** What {@link keptEvents} reads. */
export interface KeptEventsOptions {
  readonly store: BatchStore;
  readonly tenant: string;
  /** Receipt, milliseconds since the epoch, from which on nothing is read. */
  readonly until: number;
  /** Called with each batch file as it is opened: undefined for one that could not be read. */
  readonly onFile: (batch: BatchRef | undefined) => void;
}

/** What is kept of a tenant's input streams. */
export interface Kept {
  /** Batch files there are. */
  readonly files: number;
  /** Their events, in the order of receipt over all streams. */
  readonly slices: AsyncIterable<Slice>;
}

/**
 * All that is kept of a tenant's input streams, in the order in which it was received. The streams of a node are merged
 * by the time of receipt, which is taken in the turn that decides on a request; of two requests of the same millisecond,
 * one of each stream, the user properties come first.
 */
export async function keptEvents(options: KeptEventsOptions): Promise<Kept> {
  let files = 0;
  const partitions: KeptPartition[] = [];
  // A tie goes to the partition that comes first.
  for (const stream of [...INPUT_STREAMS].reverse()) {
    const nodes = new Set<string>();
    for await (const { batchId } of options.store.list({ tenant: options.tenant, stream })) {
      if (isCopy(batchId)) continue;
      files++;
      nodes.add(nodeOfBatch(batchId));
    }
    for (const node of nodes)
      partitions.push(new KeptPartition({ ...options, stream, batches: ofNode(options, stream, node) }));
  }
  return { files, slices: merged(partitions) };
}

async function* merged(partitions: readonly KeptPartition[]): AsyncIterable<Slice> {
  for (;;) {
    const heads = await Promise.all(partitions.map((partition) => partition.peek()));
    const first = firstOf(heads);
    if (first === undefined) return;
    yield (partitions[first] as KeptPartition).take(MOST_AT_ONCE, (event) =>
      comesBeforeOthers(event, first, heads),
    );
  }
}

/** Index of the head that was received first. Times of receipt are all written alike, so that their text tells. */
function firstOf(heads: readonly (EventRow | undefined)[]): number | undefined {
  let first: number | undefined;
  heads.forEach((head, index) => {
    if (head === undefined) return;
    const before = first === undefined ? undefined : heads[first];
    if (before === undefined || head.received_at < before.received_at) first = index;
  });
  return first;
}

function comesBeforeOthers(event: EventRow, own: number, heads: readonly (EventRow | undefined)[]): boolean {
  return heads.every((head, index) => {
    if (head === undefined || index === own) return true;
    return index > own ? event.received_at <= head.received_at : event.received_at < head.received_at;
  });
}

async function* ofNode(
  { store, tenant }: KeptEventsOptions,
  stream: InputStream,
  node: string,
): AsyncIterable<BatchName> {
  for await (const name of store.list({ tenant, stream })) if (nodeOfBatch(name.batchId) === node) yield name;
}
