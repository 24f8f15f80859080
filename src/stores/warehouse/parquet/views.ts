import type { Table } from '../columns.js';
import { COLUMNS } from '../columns.js';
import { columnsKeyOf, isMarked, REPEATED } from './compacted-file.js';
import { identifier, literalList } from '../sql.js';

/** Which copy of an id is shown where a producer repeated itself past the dedupe window: the first that was loaded. */
export const FIRST_LOADED = 'loaded_at, batch_id, load_id';

/** The later event comes first. Batch and row settle ties: events of one request are received at the same moment. */
const LATEST_FIRST = 'time DESC, received_at DESC, batch_id DESC, row_in_file DESC';

const ROW_IN_FILE = 'row_in_file';

/** The day of the load, which each view has besides the columns of its table. */
const DAY = 'day';

/** The same beside what a file has, which may have a column of that name from somebody else. */
const DAY_OF_ROW = '_day';

/** From the directory's name, by which DuckDB leaves out the files of other days than are asked for, unopened. */
const DAY_OF_FILE = `TRY_CAST(regexp_extract(filename, 'day=([0-9-]{10})[/\\\\][^/\\\\]*$', 1) AS DATE)`;

/** A view of a table that holds each id once. @param files the live ones */
export function tableView(table: Table, files: readonly string[]): string {
  return `CREATE VIEW ${identifier(table)} AS ${eachIdOnce(table, files, columnNames(table))}`;
}

/**
 * `user_properties_latest`: a row per subject with the attributes of its latest event. Its `data` is the profile that
 * rules see: the top-level keys of all its events' data merged, for each key the value of the latest event that has it;
 * a JSON null unsets the key.
 */
export function latestView(files: readonly string[]): string {
  const columns = columnNames('user_properties');
  const shown = columns.map((name) =>
    name === '"data"' ? `CAST(coalesce(profile, '{}') AS JSON) AS data` : name,
  );
  return `CREATE VIEW user_properties_latest AS
    WITH
    each_event AS (${eachIdOnce('user_properties', files, [...columns, ROW_IN_FILE])}),
    latest_event AS (
      SELECT * FROM each_event WHERE subject IS NOT NULL
      QUALIFY row_number() OVER (PARTITION BY subject ORDER BY ${LATEST_FIRST}) = 1
    ),
    latest_value AS (
      SELECT subject, member.key, member.value, member.type AS value_type
      FROM (SELECT * FROM each_event WHERE subject IS NOT NULL AND json_type(data) = 'OBJECT') AS event,
        json_each(event.data) AS member
      QUALIFY row_number() OVER (PARTITION BY subject, member.key ORDER BY ${LATEST_FIRST}) = 1
    ),
    profiles AS (
      SELECT subject, '{' || string_agg(to_json(key) || ':' || CAST(value AS VARCHAR), ',' ORDER BY key) || '}' AS profile
      FROM latest_value WHERE value_type <> 'NULL' GROUP BY subject
    )
    SELECT ${shown.join(', ')} FROM latest_event LEFT JOIN profiles USING (subject)`;
}

function columnNames(table: Table): string[] {
  return [...COLUMNS[table].map((column) => identifier(column.name)), DAY];
}

/**
 * The rows of a table, each id once. Rows that were compacted say themselves whether they repeat another, which costs a
 * reader nothing. Those that were not are compared: with each other, and with the ids of the compacted ones, of which
 * DuckDB reads only what a query does not rule out.
 */
function eachIdOnce(table: Table, files: readonly string[], columns: readonly string[]): string {
  const marked = files.filter(isMarked);
  const rest = files.filter((path) => !isMarked(path));
  // For `count(*)` DuckDB reads the first column of a union; none costs less than the day, which is in no file.
  const names = [DAY, ...columns.filter((name) => name !== DAY)];
  const read = names.map((name) => (name === DAY ? `${DAY_OF_ROW} AS ${DAY}` : name)).join(', ');
  const firsts = `FROM (${markedRows(table, marked)}) WHERE NOT ${REPEATED}`;
  const others = `SELECT ${read} FROM (${restRows(table, rest)})
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY ${FIRST_LOADED}) = 1`;
  const shown = `SELECT ${columns.join(', ')} FROM`;
  if (marked.length === 0) return `${shown} (${others})`;
  if (rest.length === 0) return `${shown} (SELECT ${read} ${firsts})`;
  return `${shown} (SELECT ${read} ${firsts}
    UNION ALL SELECT ${names.join(', ')} FROM (${others}) AS other ANTI JOIN (SELECT id ${firsts}) AS first USING (id))`;
}

/** Files of the same columns are read by those of the first, so that no other need be opened before it is read from. */
function markedRows(table: Table, files: readonly string[]): string {
  const byColumns = new Map<string, string[]>();
  for (const path of files) {
    const key = columnsKeyOf(path);
    byColumns.set(key, [...(byColumns.get(key) ?? []), path]);
  }
  const each = [...byColumns.values()].map((paths) => rowsOf(paths, false));
  return [...each, emptyRows(table, [`CAST(NULL AS BOOLEAN) AS ${REPEATED}`])].join(' UNION ALL BY NAME ');
}

function restRows(table: Table, files: readonly string[]): string {
  const empty = emptyRows(table, []);
  return files.length === 0 ? empty : `${rowsOf(files, true)} UNION ALL BY NAME ${empty}`;
}

function rowsOf(files: readonly string[], unionByName: boolean): string {
  return `SELECT ${DAY_OF_FILE} AS ${DAY_OF_ROW}, file_row_number AS ${ROW_IN_FILE}, *
    FROM read_parquet(${literalList(files)}, union_by_name = ${unionByName}, hive_partitioning = false, filename = true)`;
}

/** Gives every column its type when no file has it, or there is no file yet. */
function emptyRows(table: Table, more: readonly string[]): string {
  const typed = COLUMNS[table].map(({ name, type }) => `CAST(NULL AS ${type}) AS ${identifier(name)}`);
  const added = [`CAST(NULL AS BIGINT) AS ${ROW_IN_FILE}`, `CAST(NULL AS DATE) AS ${DAY_OF_ROW}`, ...more];
  return `SELECT ${[...typed, ...added].join(', ')} WHERE false`;
}
