import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { writeDurably } from '../../../platform/durable-file.js';
import { HeadgateError, messageOf, systemCodeOf } from '../../../errors.js';
import type { TenantWarehouse } from './confinement.js';
import { withConfined } from './confinement.js';
import { interruptible } from '../engine.js';
import { literal } from '../sql.js';
import { createSelectView } from './statement.js';

/** What a result can be written as. `json` is one array of objects, `ndjson` an object a line. */
export type ExportFormat = 'json' | 'ndjson' | 'csv' | 'parquet';

/** All times are UTC: a time without an offset as well, see `SET_UTC`. */
const TIMES = `TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'`;

const COPY_OPTIONS: Readonly<Record<ExportFormat, string>> = {
  json: `FORMAT json, ARRAY true, ${TIMES}`,
  ndjson: `FORMAT json, ${TIMES}`,
  csv: `FORMAT csv, HEADER true, ${TIMES}`,
  parquet: 'FORMAT parquet, COMPRESSION zstd',
};

const RESULT_VIEW = 'headgate_export';

/** One result to write. */
export interface TenantExport extends TenantWarehouse {
  /** One SELECT over the tenant's views. */
  readonly sql: string;
  readonly format: ExportFormat;
  /** The file to write, outside the warehouse; its directory is made if need be. */
  readonly path: string;
  /** Replace a file that is there. Default false. */
  readonly force?: boolean;
  /** Stops the export, which then rejects with the signal's reason and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/**
 * Writes the result of one read-only query into a file: all of it or nothing, durably. DuckDB streams it there, so its
 * size is not bound by memory. The query is confined as any other; besides the tenant's own files, the engine can open
 * the temporary file that becomes `path`, under a name nobody can know before, and nothing else.
 * @returns the rows written
 * @throws HeadgateError `QUERY_REFUSED`, `QUERY_FAILED`, `TENANT_ID_INVALID`, `FILE_EXISTS` (without `force`),
 * `FILE_UNWRITABLE`, `DISK_FULL`
 */
export async function exportTenant(request: TenantExport): Promise<number> {
  const path = resolve(request.path);
  try {
    await assertWritable(path, request);
    let rows = 0;
    await writeDurably(path, async (temporary) => {
      const { root, tenant } = request;
      rows = await withConfined({ root, tenant, output: temporary }, (connection) =>
        interruptible(connection, () => copyResult(connection, request, temporary), request.signal),
      );
      // A query takes its time, and somebody else may have taken the name.
      await assertWritable(path, request);
    });
    return rows;
  } catch (error) {
    request.signal?.throwIfAborted();
    throw exportError(path, error);
  }
}

async function copyResult(
  connection: DuckDBConnection,
  { sql, format }: TenantExport,
  target: string,
): Promise<number> {
  await createSelectView(connection, sql, RESULT_VIEW);
  // The name is a temporary one already; one that DuckDB makes up besides it would be refused.
  const copy = `COPY (FROM ${RESULT_VIEW}) TO ${literal(target)} (${COPY_OPTIONS[format]}, USE_TMP_FILE false)`;
  return (await connection.run(copy)).rowsChanged;
}

/** What is in the warehouse is data: an export there would be read as a table's. */
async function assertWritable(path: string, { root, force }: TenantExport): Promise<void> {
  const inRoot = relative(await real(resolve(root)), await real(path));
  if (inRoot !== '..' && !inRoot.startsWith(`..${sep}`))
    throw new HeadgateError('FILE_UNWRITABLE', `${path} is in the warehouse; choose a place outside of it.`);
  const found = await existing(path);
  if (found?.isDirectory())
    throw new HeadgateError('FILE_UNWRITABLE', `${path} is a directory; name a file in it.`);
  if (found && !force)
    throw new HeadgateError('FILE_EXISTS', `${path} is there already; --force replaces it.`);
}

async function existing(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Without the symbolic links in the part of a path that is there. */
async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return join(await real(dirname(path)), relative(dirname(path), path));
  }
}

function exportError(path: string, error: unknown): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const code = systemCodeOf(error);
  // DuckDB's errors have no code.
  if (code === 'ENOSPC' || messageOf(error).includes('No space left on device'))
    return new HeadgateError('DISK_FULL', `There is no room left for ${path}.`, { cause: error });
  if (code !== undefined)
    return new HeadgateError('FILE_UNWRITABLE', `${path} cannot be written: ${messageOf(error)}.`, {
      cause: error,
    });
  return new HeadgateError('QUERY_FAILED', messageOf(error), { cause: error });
}
