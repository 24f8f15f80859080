import { existsSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { writeDurably } from '../../../platform/durable-file.js';
import { faultPoint } from '../../../platform/fault-point.js';
import { LineSet } from '../../../events/line-set.js';
import { withoutBadRows } from '../bad-rows.js';
import { tableOf } from '../../../events/columns.js';
import { type Engine, type EngineOptions, createEngine } from '../engine.js';
import {
  dayDirectory,
  fileName,
  listStored,
  removeLeftovers,
  tableDirectory,
  tenantDirectory,
} from './files.js';
import type { HeldFile } from './compacted-file.js';
import { createLedger } from './ledger.js';
import { countClashes, promotedMember, promotedMetadata } from './promotions.js';
import { assertLoadInput } from '../load-input.js';
import {
  assertComplete,
  assertReadable,
  distinct,
  firstDayToLookAt,
  loadError,
  resultOf,
  whileOpen,
} from '../load-steps.js';
import { KeyedMutex } from '../../../platform/keyed-mutex.js';
import type { LoadBatch, LoadInput, LoadResult, Warehouse, BadRows } from '../warehouse.js';
import { selectStatement } from '../select.js';
import { literal } from '../sql.js';

const LEFTOVER_CHECK_MS = 60 * 60 * 1000;

/** Where the Parquet warehouse is, and what it may take. */
export interface ParquetWarehouseOptions extends EngineOptions {
  /** The directory above all tenants' directories. */
  readonly root: string;
}

/**
 * The embedded warehouse: one Parquet file per load, `<root>/<tenant>/<table>/day=<YYYY-MM-DD>/<loadId>.parquet`, made
 * by DuckDB from the batch files and never changed. Any number of processes may read at any time.
 *
 * Loads of one tenant and table take turns within a process: each reads the ledger, leaves out what is held, writes.
 * Two processes that load the same batch under two load ids at the same moment would both write it; a batch is announced
 * to one load window at a time, and the views hold each id once in any case.
 */
export function createParquetWarehouse(options: ParquetWarehouseOptions): Warehouse {
  const root = resolve(options.root);
  const engine = createEngine(options);
  const ledger = createLedger(engine);
  const turns = new KeyedMutex();
  const lastCleaned = new Map<string, number>();

  /** Once an hour is enough: nothing younger than an hour is removed. */
  async function removeLeftoversHourly(tableDir: string): Promise<void> {
    const now = Date.now();
    if (now - (lastCleaned.get(tableDir) ?? 0) < LEFTOVER_CHECK_MS) return;
    await removeLeftovers(tableDir, now);
    lastCleaned.set(tableDir, now);
  }

  async function heldFiles(input: LoadInput, batches: readonly LoadBatch[]): Promise<HeldFile[]> {
    const files = await listStored(
      root,
      input.tenant,
      tableOf(input.stream),
      firstDayToLookAt(input.day, batches),
    );
    return ledger.read(files, input.signal);
  }

  async function loadInTurn(input: LoadInput, batches: readonly LoadBatch[]): Promise<LoadResult> {
    input.signal?.throwIfAborted();
    const tableDir = tableDirectory(root, input.tenant, tableOf(input.stream));
    await removeLeftoversHourly(tableDir);
    let held = await heldFiles(input, batches);
    const missing = batchesNotIn(held, batches);
    if (missing.length > 0) {
      await assertReadable(missing);
      await writeDurably(freePath(tableDir, input, held), async (temporary) => {
        await withoutBadRows(engine, input, missing, async (loadable, leftOut) => {
          const copy = copyStatement(input, loadable, leftOut, temporary);
          const { rowsChanged } = await engine.use((connection) => connection.run(copy), input.signal);
          input.signal?.throwIfAborted();
          assertComplete(rowsChanged, loadable);
        });
        faultPoint('parquet-rename.before');
      });
      faultPoint('parquet-rename.after');
      // Read back, so that the first attempt and a retry after a crash answer from the same source.
      held = await heldFiles({ ...input, signal: undefined }, batches);
    }
    return {
      ...resultOf(input, batches, held, leftOutOf),
      ...fileOf(input, held, tenantDirectory(root, input.tenant)),
      ...(await clashesOf(engine, input, held)),
    };
  }

  async function load(input: LoadInput): Promise<LoadResult> {
    assertLoadInput(input);
    const batches = distinct(input.batches);
    if (batches.length === 0) return { loadId: input.loadId, rows: 0, bytes: 0, loaded: [], alreadyHeld: [] };
    try {
      return await turns.run(`${input.tenant}/${input.stream}`, () => loadInTurn(input, batches));
    } catch (error) {
      input.signal?.throwIfAborted();
      throw loadError(input, error);
    }
  }

  return whileOpen(load, () => engine.close());
}

function batchesNotIn(held: readonly HeldFile[], batches: readonly LoadBatch[]): LoadBatch[] {
  const ids = new Set(held.flatMap((file) => file.batchIds));
  return batches.filter((batch) => !ids.has(batch.batchId));
}

/** A reset workflow may give a load id more batches than its file holds; the rest then goes into a file beside it. */
function freePath(tableDir: string, input: LoadInput, held: readonly HeldFile[]): string {
  const directory = dayDirectory(tableDir, input.day);
  const taken = new Set(held.map((file) => file.path));
  let part = 1;
  while (taken.has(join(directory, fileName(input.loadId, part)))) part += 1;
  return join(directory, fileName(input.loadId, part));
}

/** The newest of a load's own files; nothing where it has none. */
function fileOf(
  { loadId }: LoadInput,
  held: readonly HeldFile[],
  tenantDir: string,
): Pick<LoadResult, 'file'> {
  const own = held.filter((file) => file.loadId === loadId).map((file) => file.path);
  const newest = own.reduce((a, b) => (basename(a) > basename(b) ? a : b), '');
  return newest === '' ? {} : { file: relative(tenantDir, newest) };
}

function leftOutOf({ leftOut = {} }: HeldFile): number {
  const counts = Object.values(leftOut).map((lines) => LineSet.decode(lines, Infinity).count);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Those of the load's own files, as far as no compaction has replaced them. */
async function clashesOf(
  engine: Engine,
  { loadId, promoted = [] }: LoadInput,
  held: readonly HeldFile[],
): Promise<Pick<LoadResult, 'clashes'>> {
  if (promoted.length === 0) return {};
  const own = held.filter((file) => file.loadId === loadId && existsSync(file.path));
  const paths = own.map(({ path }) => path);
  const clashes = await engine.use((connection) =>
    countClashes(async (sql) => (await connection.runAndReadAll(sql)).getRowsJS(), paths),
  );
  return Object.keys(clashes).length === 0 ? {} : { clashes };
}

/**
 * The COPY that turns batch files into one Parquet file which says itself which batches and promoted fields are in it, and
 * which rows are not.
 */
function copyStatement(
  input: LoadInput,
  batches: readonly LoadBatch[],
  leftOut: readonly BadRows[],
  target: string,
): string {
  const batchIds = JSON.stringify(batches.map((batch) => batch.batchId));
  const promoted = promotedMember(promotedMetadata(input.promoted ?? [], input.loadedAt));
  return `COPY (${selectStatement(input, batches)}) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd,
    KV_METADATA {batch_ids: ${literal(batchIds)}, load_id: ${literal(input.loadId)}${promoted}${leftOutMember(leftOut)}})`;
}

function leftOutMember(leftOut: readonly BadRows[]): string {
  if (leftOut.length === 0) return '';
  const lines = leftOut.map(({ batchId, rows }) => [
    batchId,
    LineSet.of(rows.map(({ line }) => line)).encode(),
  ]);
  return `, left_out: ${literal(JSON.stringify(Object.fromEntries(lines)))}`;
}
