import type { Table } from '../columns.js';
import { columnsOf } from '../columns.js';
import { promote } from '../promote.js';
import type { PromotedField } from '../promoted-field.js';
import { identifier } from '../sql.js';
import { ROW_IN_FILE, rowsOf, type TableFiles } from './promotions.js';

/** Which copy of an id is shown where a producer repeated itself past the dedupe window: the first that was loaded. */
const FIRST_LOADED = 'loaded_at, batch_id, load_id';

/** The later event comes first. Batch and row settle ties: events of one request are received at the same moment. */
const LATEST_FIRST = 'time DESC, received_at DESC, batch_id DESC, row_in_file DESC';

/** A view of a table that holds each id once. */
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

function columnNames(table: Table, promoted?: readonly PromotedField[]): string[] {
  return columnsOf(table, promoted).map((column) => identifier(column.name));
}

function eachIdOnce(table: Table, files: TableFiles, columns: readonly string[]): string {
  return `SELECT ${columns.join(', ')} FROM (${rowsOf(table, files)})
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY ${FIRST_LOADED}) = 1`;
}
