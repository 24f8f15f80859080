import { stat } from 'node:fs/promises';
import { HeadgateError, messageOf, systemCodeOf } from '../../errors.js';
import { dayOfBatch } from '../../tenants/ids.js';
import type { LoadBatch, LoadInput, LoadResult, Warehouse } from './warehouse.js';
import { DAY_MS, dayOf } from '../../platform/time.js';

/** Refuses loads once closing has begun, and lets those under way end before anything is released. */
export function whileOpen(load: Warehouse['load'], release: () => Promise<void>): Warehouse {
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  return {
    async load(input) {
      if (closing) throw new HeadgateError('SHUTTING_DOWN', 'The warehouse is closed.', { retryable: true });
      const loading = load(input);
      running.add(loading);
      try {
        return await loading;
      } finally {
        running.delete(loading);
      }
    },
    close: () => (closing ??= Promise.allSettled(running).then(release)),
  };
}

/** Each batch once, in the order of their ids, which is the order they were made in. */
export function distinct(batches: readonly LoadBatch[]): LoadBatch[] {
  const byId = new Map(batches.map((batch) => [batch.batchId, batch]));
  return [...byId.values()].sort((a, b) => (a.batchId < b.batchId ? -1 : 1));
}

/**
 * A batch is loaded on the day it was made or later, so what was loaded on older days needs no look. One day of grace: a
 * load takes the day its window began, which around midnight (or with clocks apart) is the day before that of its last
 * batches.
 * @param day of the load itself
 */
export function firstDayToLookAt(day: string, batches: readonly LoadBatch[]): string {
  const earliest = batches.map((batch) => dayOfBatch(batch.batchId)).reduce((a, b) => (a < b ? a : b));
  const time = Date.parse(earliest);
  // Digits that are not a date: look everywhere.
  if (Number.isNaN(time)) return '';
  const dayBefore = dayOf(time - DAY_MS);
  // The load's own day is always among them: what it has left there must be seen before its name is taken.
  return dayBefore < day ? dayBefore : day;
}

/**
 * Checks that there is something to load, and that it is whole.
 * @throws HeadgateError `NOT_FOUND`, with all that cannot be read; see `unreadableOf`
 */
export async function assertReadable(batches: readonly LoadBatch[]): Promise<void> {
  const unreadable: Record<string, string> = {};
  for (const { batchId, path, damage } of batches) {
    const reason = damage ?? ((await isThere(path)) ? undefined : GONE);
    if (reason !== undefined) unreadable[batchId] = reason;
  }
  const ids = Object.keys(unreadable);
  if (ids.length === 0) return;
  const [id = ''] = ids;
  const more = ids.length === 1 ? '' : `; so are ${ids.length - 1} more`;
  const message = `Batch file ${id} cannot be read: ${unreadable[id]}${more}`;
  throw new HeadgateError('NOT_FOUND', message, { details: { unreadable } });
}

const GONE = 'NOT_FOUND: The file is gone: expired, or deleted by hand.';

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    return false;
  }
}

/** What a load would leave out is noticed before it can be seen: afterwards its batches would count as held. */
export function assertComplete(copied: number, batches: readonly LoadBatch[]): void {
  const expected = batches.reduce((sum, { rows }) => sum + rows, 0);
  if (copied !== expected)
    throw new Error(`${copied} rows were read from ${batches.length} batch files that have ${expected}`);
}

/** What a warehouse says that a load has brought in: the whole of it, or a part. */
export interface HeldPart {
  readonly loadId: string;
  readonly batchIds: readonly string[];
  readonly rows: number;
  readonly bytes: number;
}

/**
 * What a load has put into the warehouse, by what holds its batches.
 * @param batches that were asked for
 * @param held all that holds some of them, of this load and of others
 * @param leftOutOf rows of a part that could not be loaded
 */
export function resultOf<T extends HeldPart>(
  { loadId }: LoadInput,
  batches: readonly LoadBatch[],
  held: readonly T[],
  leftOutOf: (part: T) => number,
): LoadResult {
  const own = held.filter((part) => part.loadId === loadId);
  const inOwn = new Set(own.flatMap(({ batchIds }) => batchIds));
  const ids = batches.map(({ batchId }) => batchId);
  const leftOut = own.reduce((sum, part) => sum + leftOutOf(part), 0);
  return {
    loadId,
    rows: own.reduce((sum, { rows }) => sum + rows, 0),
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    loaded: ids.filter((id) => inOwn.has(id)),
    alreadyHeld: ids.filter((id) => !inOwn.has(id)),
    ...(leftOut > 0 && { leftOut }),
  };
}

/** What a load throws: `DISK_FULL` or `WAREHOUSE_FAILED`, both retryable, for what is no HeadgateError. */
export function loadError(input: LoadInput, error: unknown): HeadgateError {
  if (error instanceof HeadgateError) return error;
  // DuckDB's errors have no code.
  if (systemCodeOf(error) === 'ENOSPC' || messageOf(error).includes('No space left on device')) {
    return new HeadgateError('DISK_FULL', 'The warehouse has no room left.', {
      retryable: true,
      cause: error,
    });
  }
  const message = `Load ${input.loadId} of ${input.stream} failed: ${messageOf(error)}`;
  return new HeadgateError('WAREHOUSE_FAILED', message, { retryable: true, cause: error });
}
