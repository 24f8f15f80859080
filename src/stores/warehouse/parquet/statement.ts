import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import { StatementType } from '../duckdb.js';
import { HeadgateError, messageOf } from '../../../errors.js';
import { identifier } from '../sql.js';

/**
 * Table functions a query may call. Files are reached through the views alone, and some of DuckDB's table functions
 * write (`enable_logging`, `enable_profiling`) or run SQL given as text (`query`), so the others are refused by name.
 */
const TABLE_FUNCTIONS = new Set([
  'duckdb_columns',
  'duckdb_tables',
  'duckdb_views',
  'generate_series',
  'json_each',
  'json_tree',
  'range',
  'repeat',
  'unnest',
]);

const EXPLAIN = /^(?:\s+|--[^\n]*\n|\/\*.*?\*\/)*explain\b(\s+analyze\b)?/is;

const NO_RELATION = /^(?:\s+|--[^\n]*\n|\/\*.*?\*\/)*(explain|describe|desc|summarize|show)\b/is;

const ALLOWED = 'One SELECT (or DESCRIBE, SUMMARIZE, SHOW), or EXPLAIN of one, is allowed.';

/** What DuckDB's own parser says about a text; nothing is bound, opened or run for it. */
type Parsed =
  | { readonly error: true; readonly error_type: string; readonly error_message: string }
  | { readonly error: false; readonly statements: readonly unknown[] };

/**
 * Prepares `sql` when it can only read. It is judged by its parse tree: one statement, a SELECT or an EXPLAIN of one,
 * and no table function but the known harmless ones anywhere in it. (A statement's type alone would not do:
 * `EXPLAIN ANALYZE COPY` is an EXPLAIN, and `SELECT * FROM enable_logging(…)` a SELECT, and both write files.)
 * @throws HeadgateError `QUERY_REFUSED` (says what is allowed), `QUERY_FAILED` (syntax, unknown names)
 */
export async function readableStatement(
  connection: DuckDBConnection,
  sql: string,
): Promise<DuckDBPreparedStatement> {
  // The C interface ends a text at NUL; the parser must judge what will be run.
  if (sql.includes('\0')) throw refused('The query contains NUL.');
  const explain = EXPLAIN.exec(sql);
  const select = explain ? sql.slice(explain[0].length) : sql;
  await assertOneSelect(connection, select);
  const text = explain ? `EXPLAIN${explain[1] ?? ''} ${select}` : select;
  const extracted = await connection.extractStatements(text);
  if (extracted.count !== 1) throw refused('The query is not one statement.');
  const prepared = await extracted.prepare(0);
  const type = prepared.statementType;
  if (type !== StatementType.SELECT && type !== StatementType.EXPLAIN)
    throw refused('The query does more than read.');
  return prepared;
}

/**
 * Makes `sql` a temporary view when it can only read, for what takes a relation and no statement. A text that parses as
 * one SELECT is one as well where the grammar of CREATE VIEW has a SELECT; in parentheses it need not be (`;`, comments).
 * @throws HeadgateError `QUERY_REFUSED` (also EXPLAIN, DESCRIBE, SUMMARIZE and SHOW), `QUERY_FAILED`
 */
export async function createSelectView(
  connection: DuckDBConnection,
  sql: string,
  name: string,
): Promise<void> {
  if (sql.includes('\0')) throw refused('The query contains NUL.');
  if (NO_RELATION.test(sql))
    throw new HeadgateError('QUERY_REFUSED', 'Only the rows of a SELECT can be written to a file.');
  await assertOneSelect(connection, sql);
  const extracted = await connection.extractStatements(`CREATE TEMP VIEW ${identifier(name)} AS ${sql}`);
  if (extracted.count !== 1) throw refused('The query is not one statement.');
  const prepared = await extracted.prepare(0);
  if (prepared.statementType !== StatementType.CREATE) throw refused('The query does more than read.');
  await prepared.run();
}

async function assertOneSelect(connection: DuckDBConnection, sql: string): Promise<void> {
  const parsed = await parse(connection, sql);
  if (parsed.error) {
    if (parsed.error_type === 'parser') throw new HeadgateError('QUERY_FAILED', parsed.error_message);
    throw refused('The query is not a plain SELECT.');
  }
  if (parsed.statements.length !== 1) throw refused(`The query has ${parsed.statements.length} statements.`);
  for (const name of tableFunctions(parsed.statements)) {
    if (!TABLE_FUNCTIONS.has(name)) throw refused(`The table function "${name}" is not available.`);
  }
}

async function parse(connection: DuckDBConnection, sql: string): Promise<Parsed> {
  try {
    const reader = await connection.runAndReadAll('SELECT json_serialize_sql(CAST($1 AS VARCHAR))', [sql]);
    return JSON.parse(String(reader.getRowsJS()[0]?.[0])) as Parsed;
  } catch (error) {
    throw new HeadgateError('QUERY_FAILED', messageOf(error), { cause: error });
  }
}

/** The names of all table functions in a parse tree, at any depth; a form we do not know is named as it is, so refused. */
function* tableFunctions(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  if ((node as { type?: unknown }).type === 'TABLE_FUNCTION') {
    const call = (node as { function?: { function_name?: unknown } }).function;
    yield String(call?.function_name).toLowerCase();
  }
  for (const child of Object.values(node)) yield* tableFunctions(child);
}

function refused(problem: string): HeadgateError {
  return new HeadgateError('QUERY_REFUSED', `${problem} ${ALLOWED}`);
}
