import type { Table } from '../../../events/columns.js';
import { columnsOf, KEY_COLUMNS } from '../../../events/columns.js';
import { promote } from '../promote.js';
import type { PromotedField } from '../../../events/promoted-field.js';
import { identifier } from '../sql.js';
import { REPEATED } from './compacted-file.js';
import { DAY_OF_ROW, ROW_IN_FILE, rowsOf, type TableFiles } from './promotions.js';

/** Which copy of an event is shown where a producer repeated itself past the dedupe window: the first that was loaded. */
export const FIRST_LOADED = 'loaded_at, batch_id, load_id';

/** The later event comes first. Batch and row settle ties: events of one request are received at the same moment. */
const LATEST_FIRST = 'time DESC, received_at DESC, batch_id DESC, row_in_file DESC';

/** The day of the load, which each view has besides the columns of its table. */
const DAY = 'day';

/** A view of a table that holds each row once: each event by its source and id, each decision by its id. @param files the live ones */
export function tableView(table: Table, files: TableFiles): string {
  return `CREATE VIEW ${identifier(table)} AS ${eachIdOnce(table, files, columnNames(table, files.promoted))}`;
}

/**
 * `user_properties_latest`: a row per subject with the attributes of its latest event. Its `data` is the profile that
 * rules see: the top-level keys of all its events' data merged, for each key the value of the latest event that has it;
 * a JSON null unsets the key. Promoted fields are those of the profile.
 */
export function latestView(files: TableFiles): string {
  const columns = columnNames('user_properties');
  const shown = columns.map((name) =>
    name === '"data"' ? `CAST(coalesce(profile, '{}') AS JSON) AS data` : name,
  );
  const { promoted } = files;
  const latest = `SELECT ${shown.join(', ')} FROM latest_event LEFT JOIN profiles USING (subject)`;
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
    ${promote({ from: latest, columns, promoted })}`;
}

/** Columns of `usage` that are whole numbers, and those that are seconds. */
const COUNTS = [
  'events',
  'bytesIn',
  'storedBytes',
  'decisions',
  'loadedRows',
  'deliveredEvents',
  'deliveryAttempts',
  'workflows',
  'actions',
];
const SECONDS = ['activitySeconds', 'cpuSeconds'];

/** `usage`: what the tenant used on each day that is over, by stream and subscription; made of events in batches of Headgate's own. */
export function usageView(): string {
  const of = (name: string, type: string): string =>
    `CAST(data->>'${name}' AS ${type}) AS ${identifier(columnCase(name))}`;
  const columns = [
    of('day', 'DATE'),
    of('stream', 'VARCHAR'),
    of('subscription', 'VARCHAR'),
    ...COUNTS.map((name) => of(name, 'BIGINT')),
    ...SECONDS.map((name) => of(name, 'DOUBLE')),
    // Exact: see the prices of usage.
    of('cost', 'DECIMAL(38, 18)'),
    of('currency', 'VARCHAR'),
  ];
  return `CREATE VIEW usage AS SELECT ${columns.join(', ')} FROM events
    WHERE type = 'headgate.usage.day' AND batch_id LIKE '________-00000000-%'`;
}

/** Columns of `audit_log` that are texts of an entry. */
const ACT_TEXTS = ['act', 'kind', 'role', 'subject', 'address', 'outcome', 'code', 'reason', 'made'];

/** `audit_log`: what was done in the tenant, by whom, and what came of it; made of events in batches of Headgate's own. */
export function auditLogView(): string {
  const columns = [
    'id',
    'time',
    ...ACT_TEXTS.map((name) => `data->>'${name}' AS ${identifier(name)}`),
    `data->'params' AS params`,
    `CAST(coalesce(data->>'count', '1') AS BIGINT) AS "count"`,
    `CAST(data->>'since' AS TIMESTAMPTZ) AS since`,
    DAY,
  ];
  return `CREATE VIEW audit_log AS SELECT ${columns.join(', ')} FROM events
    WHERE type = 'headgate.audit.act' AND batch_id LIKE '________-00000000-%'`;
}

function columnCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function columnNames(table: Table, promoted?: readonly PromotedField[]): string[] {
  return [...columnsOf(table, promoted).map((column) => identifier(column.name)), DAY];
}

/**
 * The rows of a table, each once. Rows that were compacted say themselves whether they repeat another, which costs a
 * reader nothing. Those that were not are compared: with each other, and with the keys of the compacted ones, of which
 * DuckDB reads only what a query does not rule out.
 */
function eachIdOnce(table: Table, { promoted, groups }: TableFiles, columns: readonly string[]): string {
  const marked = groups.filter((group) => group.marked);
  const rest = groups.filter((group) => !group.marked);
  const key = KEY_COLUMNS[table].map(identifier).join(', ');
  // For `count(*)` DuckDB reads the first column of a union; none costs less than the day, which is in no file.
  const names = [DAY, ...columns.filter((name) => name !== DAY)];
  const read = names.map((name) => (name === DAY ? `${DAY_OF_ROW} AS ${DAY}` : name)).join(', ');
  const firsts = `FROM (${rowsOf(table, { promoted, groups: marked })}) WHERE NOT ${REPEATED}`;
  const others = `SELECT ${read} FROM (${rowsOf(table, { promoted, groups: rest })})
    QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY ${FIRST_LOADED}) = 1`;
  const shown = `SELECT ${columns.join(', ')} FROM`;
  if (marked.length === 0) return `${shown} (${others})`;
  if (rest.length === 0) return `${shown} (SELECT ${read} ${firsts})`;
  return `${shown} (SELECT ${read} ${firsts}
    UNION ALL SELECT ${names.join(', ')} FROM (${others}) AS other ANTI JOIN (SELECT ${key} ${firsts}) AS first USING (${key}))`;
}
