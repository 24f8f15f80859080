import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import type { EventRow, InputStream } from '../../src/events/event.js';
import { Indexer } from '../../src/event-history/indexer.js';
import { createLogger } from '../../src/platform/logger.js';
import type { BatchStore } from '../../src/stores/batch-store/batch-store.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { UNSEALED, type Seal } from '../../src/stores/batch-store/seal.js';
import { EventIndex } from '../../src/stores/event-index/event-index.js';
import { createKeyHash } from '../../src/stores/event-index/key-hash.js';

/** An event as batches keep it, as ingest writes it. */
export function row(id: string, more: Partial<EventRow> = {}): EventRow {
  const { source = '/test', type = 'thing.happened', subject = 's1', ...rest } = more;
  const { received_at = '2026-03-10T12:00:00.000Z', ...others } = rest;
  return {
    specversion: '1.0',
    id,
    source,
    type,
    time: '2026-03-10T12:00:00Z',
    subject,
    ...others,
    received_at,
  };
}

/** Ids of batches: the number rises. */
export function batchId(number: number, day = '20260310'): string {
  return `${day}-0123abcd-${number.toString(36).padStart(9, '0')}`;
}

/** Writes a batch. */
export async function writeRows(
  store: BatchStore,
  name: { readonly tenant?: string; readonly stream?: InputStream; readonly batchId: string },
  rows: readonly EventRow[],
): Promise<Buffer> {
  const gzipped = gzipSync(rows.map((each) => `${JSON.stringify(each)}\n`).join(''));
  await store.write({ tenant: 'UA', stream: 'events', ...name }, gzipped, rows.length);
  return gzipped;
}

/** An index and what keeps it, over batches in a directory. */
export interface IndexBench {
  readonly root: string;
  readonly store: BatchStore;
  readonly index: EventIndex;
  readonly indexer: Indexer;
  /** Why files were given up. */
  readonly damaged: string[];
  /** What was warned of. */
  readonly warned: string[];
}

/** Opens it; as a process that starts anew does, when it is called again. */
export async function openIndexBench(
  dir: string,
  options: {
    readonly seal?: Seal;
    readonly store?: BatchStore;
    readonly fanIn?: number;
    readonly seeds?: readonly [bigint, bigint];
    now?: () => number;
  } = {},
): Promise<IndexBench> {
  const damaged: string[] = [];
  const warned: string[] = [];
  const root = join(dir, 'event-index');
  const store = options.store ?? createFileBatchStore(join(dir, 'batches'));
  const index = new EventIndex({
    root,
    hash: await createKeyHash(options.seeds ?? [7n, 8n]),
    seal: options.seal ?? UNSEALED,
    fanIn: options.fanIn,
    onDamaged: (day, reason) => {
      damaged.push(reason);
      indexer.damaged(day);
    },
  });
  const indexer: Indexer = new Indexer({
    index,
    batchStore: store,
    shared: false,
    tenants: () => ['UA', 'DL'],
    now: options.now,
    log: createLogger('warn', { destination: { write: (line) => void warned.push(line) } }),
  });
  return { root, store, index, indexer, damaged, warned };
}
