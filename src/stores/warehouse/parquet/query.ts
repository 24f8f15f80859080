import { HeadgateError, messageOf } from '../../../errors.js';
import type { TenantWarehouse } from './confinement.js';
import { withConfined } from './confinement.js';
import { toJson, typeName } from './json-values.js';
import { readableStatement } from './statement.js';

/** Rows given back unless asked otherwise. */
const DEFAULT_MAX_ROWS = 10_000;

/** One query over one tenant's views. */
export interface TenantQuery extends TenantWarehouse {
  /** One SELECT, or EXPLAIN of one, over `events`, `user_properties`, `user_properties_latest`, `decisions`, `usage`, `audit_log`. */
  readonly sql: string;
  /** Rows to give back at most; default 10,000. The rest is not computed where DuckDB can stop early. */
  readonly maxRows?: number;
}

/** What a query gave; rows are plain JSON values. */
export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: unknown[][];
  /** True when there were more rows than asked for. */
  readonly truncated: boolean;
}

/**
 * Runs one read-only query, confined to one tenant's files, in an engine of its own.
 * @throws HeadgateError `QUERY_REFUSED` (not a plain read), `QUERY_FAILED` (DuckDB's message), `TENANT_ID_INVALID`
 */
export async function queryTenant(query: TenantQuery): Promise<QueryResult> {
  const maxRows = query.maxRows ?? DEFAULT_MAX_ROWS;
  try {
    return await withConfined({ root: query.root, tenant: query.tenant }, async (connection) => {
      const statement = await readableStatement(connection, query.sql);
      const reader = await statement.streamAndReadUntil(maxRows + 1);
      const names = reader.deduplicatedColumnNames();
      const types = reader.columnTypes();
      const columns = types.map((type, index) => ({ name: names[index] ?? '', type: typeName(type) }));
      // Not `convertRows`: the types it passes on do not say which text is JSON.
      const rows = reader
        .getRows()
        .map((row) => row.map((value, index) => toJson(value, types[index]!, toJson)));
      return { columns, rows: rows.slice(0, maxRows), truncated: rows.length > maxRows };
    });
  } catch (error) {
    if (error instanceof HeadgateError) throw error;
    throw new HeadgateError('QUERY_FAILED', messageOf(error), { cause: error });
  }
}

/**
 * The SQL that gives another DuckDB the views as `headgate query` has them now, over the files by their absolute paths.
 * They hold until what has been compacted since is removed, an hour at least.
 * @throws HeadgateError `TENANT_ID_INVALID`, `QUERY_FAILED` (a file cannot be read)
 */
export async function viewsOf(warehouse: TenantWarehouse): Promise<string> {
  try {
    return await withConfined(warehouse, async (_, { statements }) =>
      statements
        .map((statement) => `${statement.replace('CREATE VIEW', 'CREATE OR REPLACE VIEW')};\n`)
        .join(''),
    );
  } catch (error) {
    if (error instanceof HeadgateError) throw error;
    throw new HeadgateError('QUERY_FAILED', messageOf(error), { cause: error });
  }
}
