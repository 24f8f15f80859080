import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';

/** What makes a column of a member of an event's `data`. */
type Column = readonly [name: string, sql: string];

const text = (name: string, member = name): Column => [name, `JSON_VALUE(data, '$.${member}')`];
const cast = (name: string, type: string, member = name): Column => [
  name,
  `CAST(JSON_VALUE(data, '$.${member}') AS ${type})`,
];

/** Those of Parquet's view of the same name. */
const USAGE: readonly Column[] = [
  cast('day', 'DATE'),
  text('stream'),
  text('subscription'),
  cast('events', 'INT64'),
  cast('bytes_in', 'INT64', 'bytesIn'),
  cast('stored_bytes', 'INT64', 'storedBytes'),
  cast('decisions', 'INT64'),
  cast('loaded_rows', 'INT64', 'loadedRows'),
  cast('delivered_events', 'INT64', 'deliveredEvents'),
  cast('delivery_attempts', 'INT64', 'deliveryAttempts'),
  cast('workflows', 'INT64'),
  cast('actions', 'INT64'),
  cast('activity_seconds', 'FLOAT64', 'activitySeconds'),
  cast('cpu_seconds', 'FLOAT64', 'cpuSeconds'),
  // Eighteen digits after the point are more than NUMERIC has.
  cast('cost', 'BIGNUMERIC'),
  text('currency'),
];

const AUDIT_LOG: readonly Column[] = [
  ['id', 'id'],
  ['time', 'time'],
  ...['act', 'kind', 'role', 'subject', 'address', 'outcome', 'code', 'reason', 'made'].map((name) =>
    text(name),
  ),
  ['params', `JSON_QUERY(data, '$.params')`],
  ['count', `CAST(COALESCE(JSON_VALUE(data, '$.count'), '1') AS INT64)`],
  cast('since', 'TIMESTAMP'),
];

/** A view of events that Headgate has made itself, and what it is called. */
export interface OwnView {
  readonly name: string;
  readonly query: string;
}

/** The views of usage and of the audit log. Only batches of Headgate's own count: anybody may send events of the types. */
export function ownViews({ project, dataset }: BigQueryConfig, eventsView: string): OwnView[] {
  const viewOf = (name: string, type: string, columns: readonly Column[]): OwnView => ({
    name,
    query: `SELECT ${columns.map(([column, sql]) => `${sql} AS \`${column}\``).join(', ')} FROM \`${project}.${dataset}.${eventsView}\` WHERE type = '${type}' AND _batch_id LIKE '________-00000000-%'`,
  });
  return [viewOf('usage', 'headgate.usage.day', USAGE), viewOf('audit_log', 'headgate.audit.act', AUDIT_LOG)];
}
