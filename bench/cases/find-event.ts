import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  openSearch,
  someIds,
  writeIndex,
  type IndexedEvents,
  type OpenedSearch,
} from '../find-event/index-files.js';
import { makeTemporary, removeTemporary } from '../system/temporary.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';

/** How long it takes to find one of ten million events. */
export const findEvent: BenchCase = {
  name: 'find-event',
  title: 'one event, found by its id or its subject among 10 million of 7 days',
  // It is given what is to be done.
  seconds: 1,
  quickSeconds: 1,
  run,
};

async function run({ quick, progress }: CaseContext): Promise<CaseResult> {
  const events: IndexedEvents = quick
    ? { days: 3, batchesPerDay: 60, eventsPerBatch: 50, subjects: 500 }
    : { days: 7, batchesPerDay: 1_429, eventsPerBatch: 1_000, subjects: 200_000 };
  const total = events.days * events.batchesPerDay * events.eventsPerBatch;
  const dir = makeTemporary();
  try {
    const cpuSeconds = await writeIndex(dir, events, progress);
    progress('events are looked for');
    const ids = someIds(events, quick ? 20 : 300);
    // Opened anew for each: what a node has to read after its start.
    const first = await timed(ids.slice(0, 10), async (id) => find(await openSearch(dir), id));
    const search = await openSearch(dir);
    await find(search, ids[0]!);
    const later = await timed(ids, (id) => find(search, id));
    const unknown = await timed(ids, (id) => findNone(search, `${id}-none`));
    const subjects = await timed(ids.slice(0, 50), (_, at) => list(search, `customer-${at}`));
    const size = sizeOf(join(dir, 'event-index'));
    return {
      figures: [
        { name: 'events', value: total, unit: 'events' },
        ...figuresOf('by id, after a start', first),
        ...figuresOf('by id', later),
        ...figuresOf('an unknown id', unknown),
        ...figuresOf('by subject', subjects),
        { name: 'index', value: Math.round((10 * size) / total) / 10, unit: 'bytes an event' },
        {
          name: 'indexing, CPU',
          value: Math.round((1e8 * cpuSeconds) / total) / 100,
          unit: 's per million events',
        },
      ],
      // Nothing goes through the API; each search throws when it does not find what is there.
      accounts: {},
      notes: ['Without what Temporal is asked for. Of the batches, one of 50 has a file.'],
    };
  } finally {
    removeTemporary(dir);
  }
}

async function find({ history }: OpenedSearch, id: string): Promise<void> {
  const { events } = await history.find('bench', { id });
  if (events[0]?.id !== id) throw new Error(`${id} was not found.`);
}

async function findNone({ history }: OpenedSearch, id: string): Promise<void> {
  const found = await history.find('bench', { id }).then(
    () => true,
    () => false,
  );
  if (found) throw new Error(`${id} was found.`);
}

async function list({ history }: OpenedSearch, subject: string): Promise<void> {
  await history.list('bench', { subject, limit: 50 });
}

async function timed(
  items: readonly string[],
  work: (item: string, at: number) => Promise<void>,
): Promise<number[]> {
  const ms: number[] = [];
  for (const [at, item] of items.entries()) {
    const began = performance.now();
    await work(item, at);
    ms.push(performance.now() - began);
  }
  return ms.sort((one, other) => one - other);
}

function figuresOf(name: string, ms: readonly number[]): Figure[] {
  const at = (part: number): number => Math.round(10 * (ms[Math.floor(part * (ms.length - 1))] ?? 0)) / 10;
  return [
    { name: `${name}, p50`, value: at(0.5), unit: 'ms' },
    { name: `${name}, longest`, value: at(1), unit: 'ms' },
  ];
}

function sizeOf(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((each) =>
    each.isFile(),
  );
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
