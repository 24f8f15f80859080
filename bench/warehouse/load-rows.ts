import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { EventRow } from '../../src/events/event.js';
import { createParquetWarehouse } from '../../src/stores/warehouse/parquet/parquet.js';
import type { LoadBatch } from '../../src/stores/warehouse/warehouse.js';
import { makeTemporary, removeTemporary } from '../system/temporary.js';

const FLIGHTS = fileURLToPath(new URL('../../examples/flights/flights.ndjson.gz', import.meta.url));
const DAY = '2026-03-01';
const RECEIVED = '2026-03-01T12:00:00.000Z';
/** As batches are written by the spool. */
const GZIP_LEVEL = 1;

/** How much to load. */
export interface LoadRowsOptions {
  readonly rows: number;
  /** Rows of a batch; the product makes at most 10,000. */
  readonly batchRows: number;
  /** Batches of a load. */
  readonly loadBatches: number;
  readonly progress: (text: string) => void;
}

/** What loading took. */
export interface LoadedRows {
  readonly rows: number;
  readonly loads: number;
  readonly seconds: number;
  /** Of this process, while it did nothing else. */
  readonly cpuSeconds: number;
  readonly files: number;
  readonly bytes: number;
  /** Of the batch files that were read. */
  readonly batchBytes: number;
}

/**
 * Loads batch files of real flight events into Parquet by the product's own warehouse, flushes and ledger included.
 * @throws Error when a row is missing
 */
export async function loadRows({
  rows,
  batchRows,
  loadBatches,
  progress,
}: LoadRowsOptions): Promise<LoadedRows> {
  const directory = makeTemporary();
  try {
    progress(`${rows.toLocaleString('en')} rows are written into batch files`);
    const batches = writeBatches(join(directory, 'batches'), rows, batchRows);
    const root = join(directory, 'warehouse');
    const warehouse = createParquetWarehouse({ root });
    const load = (loadId: string, some: readonly LoadBatch[], tenant = 'bench') =>
      warehouse.load({
        tenant,
        stream: 'events',
        loadId,
        day: DAY,
        loadedAt: RECEIVED,
        batches: some,
      });
    // DuckDB is loaded and opened before.
    await load('first', batches.slice(0, 1), 'warm-up');
    progress('loads');
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    let [loaded, loads] = [0, 0];
    for (let at = 0; at < batches.length; at += loadBatches, loads += 1)
      loaded += (await load(`load-${loads}`, batches.slice(at, at + loadBatches))).rows;
    const cpu = process.cpuUsage(cpuBefore);
    const seconds = (performance.now() - startedAt) / 1000;
    await warehouse.close();
    if (loaded !== rows) throw new Error(`${loaded} rows were loaded, not ${rows}.`);
    const cpuSeconds = (cpu.user + cpu.system) / 1e6;
    const batchBytes = batches.reduce((sum, { path }) => sum + statSync(path).size, 0);
    return { rows, loads, seconds, cpuSeconds, batchBytes, ...filesOf(join(root, 'bench')) };
  } finally {
    removeTemporary(directory);
  }
}

function filesOf(directory: string): { files: number; bytes: number } {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const sizes = names
    .filter((name) => name.endsWith('.parquet'))
    .map((name) => statSync(join(directory, name)).size);
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function writeBatches(directory: string, rows: number, batchRows: number): LoadBatch[] {
  mkdirSync(directory, { recursive: true });
  const flights = gunzipSync(readFileSync(FLIGHTS)).toString().trimEnd().split('\n');
  const events = flights.map((line) => (JSON.parse(line) as { event: EventRow }).event);
  const batches: LoadBatch[] = [];
  for (let from = 0; from < rows; from += batchRows) {
    const batchId = `${DAY.replaceAll('-', '')}-0123abcd-${batches.length.toString(36).padStart(9, '0')}`;
    const path = join(directory, `${batchId}.ndjson.gz`);
    const count = Math.min(batchRows, rows - from);
    let lines = '';
    for (let row = from; row < from + count; row += 1) {
      const event = events[row % events.length]!;
      lines += `${JSON.stringify({ ...event, id: `${event.id}-${row}`, received_at: RECEIVED })}\n`;
    }
    writeFileSync(path, gzipSync(lines, { level: GZIP_LEVEL }));
    batches.push({ batchId, path, rows: count });
  }
  return batches;
}
