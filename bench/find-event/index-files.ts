import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { createEventHistory, type EventHistory } from '../../src/event-history/event-history.js';
import { Indexer } from '../../src/event-history/indexer.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { UNSEALED } from '../../src/stores/batch-store/seal.js';
import { createFileDeliveryLog } from '../../src/stores/delivery-log/file.js';
import { EventIndex } from '../../src/stores/event-index/event-index.js';
import { IndexingBatches } from '../../src/stores/event-index/indexing.js';
import { createKeyHash } from '../../src/stores/event-index/key-hash.js';
import { Client, Connection } from '@temporalio/client';
import { HeadgateError } from '../../src/errors.js';

/** How many events, in which batches, of how many days. */
export interface IndexedEvents {
  readonly days: number;
  readonly batchesPerDay: number;
  readonly eventsPerBatch: number;
  readonly subjects: number;
}

/** One batch of so many has a file; the index does not know the difference. */
const FILE_EVERY = 50;
const FIRST_DAY = Date.parse('2026-03-01');
const DAY_MS = 24 * 60 * 60 * 1000;
const STREAM = { tenant: 'bench', stream: 'events' } as const;

/** The name of a day, by its number. */
const dayOf = (day: number): string => new Date(FIRST_DAY + day * DAY_MS).toISOString().slice(0, 10);

function batchIdOf(day: number, batch: number): string {
  const number = (FIRST_DAY + day * DAY_MS) * 16 + batch;
  return `${dayOf(day).replaceAll('-', '')}-0123abcd-${number.toString(36).padStart(9, '0')}`;
}

/** The id of an event, by its place. */
const idOf = (day: number, batch: number, event: number): string => `event-${day}-${batch}-${event}`;

function ndjsonOf(
  day: number,
  batch: number,
  { eventsPerBatch, batchesPerDay, subjects }: IndexedEvents,
): Buffer {
  const received = new Date(
    FIRST_DAY + day * DAY_MS + Math.floor((batch * DAY_MS) / batchesPerDay),
  ).toISOString();
  let ndjson = '';
  for (let event = 0; event < eventsPerBatch; event++) {
    const subject = `customer-${(day * 7_919 + batch * 104_729 + event * 1_299_709) % subjects}`;
    ndjson += `{"specversion":"1.0","id":"${idOf(day, batch, event)}","source":"/bench","type":"flight.arrived","time":"${received}","subject":"${subject}","data":{"delay":12,"origin":"SFO","destination":"EWR"},"received_at":"${received}"}\n`;
  }
  return Buffer.from(ndjson);
}

/** What the product has of these events: an index, opened anew, and the search. */
export interface OpenedSearch {
  readonly history: EventHistory;
  readonly index: EventIndex;
  readonly indexer: Indexer;
}

/** Opens index and search as a node does at its start. */
export async function openSearch(dir: string): Promise<OpenedSearch> {
  const store = createFileBatchStore(join(dir, 'batches'));
  const index = new EventIndex({
    root: join(dir, 'event-index'),
    hash: await createKeyHash([1n, 2n]),
    seal: UNSEALED,
    onDamaged: (_day, reason) => {
      throw new Error(reason);
    },
  });
  const log = { info: () => undefined, warn: () => undefined };
  const indexer = new Indexer({ index, batchStore: store, shared: false, tenants: () => ['bench'], log });
  const history = createEventHistory({
    client: new Client({ connection: Connection.lazy() }),
    // What Temporal is asked for is measured by nobody here.
    receipts: { receiptOf: () => Promise.reject(new HeadgateError('NOT_FOUND', 'not asked')) },
    deliveryLog: createFileDeliveryLog(join(dir, 'deliveries')),
    batchStore: store,
    indexer,
    spool: {
      unsent: () => [],
      read: () => {
        throw new Error('there is nothing in the spool');
      },
    },
  });
  return { history, index, indexer };
}

/** Indexes events by the product's own code; a few of their batches are written. @returns seconds of CPU that indexing took */
export async function writeIndex(
  dir: string,
  events: IndexedEvents,
  progress: (text: string) => void,
): Promise<number> {
  const { index } = await openSearch(dir);
  const store = createFileBatchStore(join(dir, 'batches'));
  let cpu = 0;
  for (let day = 0; day < events.days; day++) {
    progress(`day ${day + 1} of ${events.days} is indexed`);
    const name = { ...STREAM, day: dayOf(day) };
    const begin = async (from: number): Promise<void> => {
      const batches = new IndexingBatches(index.hash);
      for (let batch = from; batch < Math.min(from + 16, events.batchesPerDay); batch++) {
        const ndjson = ndjsonOf(day, batch, events);
        const batchId = batchIdOf(day, batch);
        if (batch % FILE_EVERY === 0)
          await store.write({ ...STREAM, batchId }, gzipSync(ndjson), events.eventsPerBatch);
        const before = process.cpuUsage();
        await batches.add(batchId, ndjson);
        cpu += secondsSince(before);
      }
      const before = process.cpuUsage();
      await index.add(name, batches);
      await index.merge(name);
      cpu += secondsSince(before);
    };
    for (let from = 0; from < events.batchesPerDay; from += 16) await begin(from);
    const before = process.cpuUsage();
    // The last day is still under way.
    if (day < events.days - 1) await index.merge(name, true);
    cpu += secondsSince(before);
  }
  return cpu;
}

/** Ids of events whose batches are there, at even distances. */
export function someIds({ days, batchesPerDay, eventsPerBatch }: IndexedEvents, count: number): string[] {
  const batches = Math.ceil(batchesPerDay / FILE_EVERY);
  return Array.from({ length: count }, (_, at) =>
    idOf(at % days, ((at * 31) % batches) * FILE_EVERY, (at * 7_919) % eventsPerBatch),
  );
}

function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
