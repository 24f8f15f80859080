import type { Stream } from './event.js';
import { CLASHES, type PromotedField, type PromotedType } from './promoted-field.js';

/** A table of the warehouse. */
export type Table = 'events' | 'user_properties' | 'decisions';

/** Every table, in the order they are shown. */
export const TABLES: readonly Table[] = ['events', 'user_properties', 'decisions'];

/** A column of a table, and where a load takes its value from. */
export interface Column {
  readonly name: string;
  readonly type: 'VARCHAR' | 'TIMESTAMPTZ' | 'JSON' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN';
  /** The member of the batch file's line, the batch file's name, the load itself, or a field of `data`. */
  readonly from: 'line' | 'file name' | 'load' | 'data';
}

const text = (name: string): Column => ({ name, type: 'VARCHAR', from: 'line' });
const json = (name: string): Column => ({ name, type: 'JSON', from: 'line' });
const timestamp = (name: string): Column => ({ name, type: 'TIMESTAMPTZ', from: 'line' });

const OF_THE_LOAD: readonly Column[] = [
  { name: 'load_id', type: 'VARCHAR', from: 'load' },
  { name: 'loaded_at', type: 'TIMESTAMPTZ', from: 'load' },
];

/** The CloudEvents attributes by their own names, then what Headgate adds. */
const EVENT_COLUMNS: readonly Column[] = [
  text('id'),
  text('source'),
  text('specversion'),
  text('type'),
  timestamp('time'),
  text('subject'),
  text('datacontenttype'),
  text('dataschema'),
  text('priority'),
  text('stage'),
  json('extensions'),
  json('data'),
  text('data_base64'),
  timestamp('received_at'),
  { name: 'batch_id', type: 'VARCHAR', from: 'file name' },
  ...OF_THE_LOAD,
];

const DECISION_COLUMNS: readonly Column[] = [
  text('id'),
  text('event_id'),
  text('event_source'),
  text('subject'),
  text('rule'),
  text('rule_version'),
  text('outcome'),
  text('reason'),
  timestamp('time'),
  { name: 'batch_id', type: 'VARCHAR', from: 'file name' },
  ...OF_THE_LOAD,
];

/** The columns that tell what a row stands for from every other: its event's source and id, or the decision's id. */
export const KEY_COLUMNS: Readonly<Record<Table, readonly string[]>> = {
  events: ['source', 'id'],
  user_properties: ['source', 'id'],
  decisions: ['id'],
};

/** The columns that each table always has, in order. */
export const COLUMNS: Readonly<Record<Table, readonly Column[]>> = {
  events: EVENT_COLUMNS,
  user_properties: EVENT_COLUMNS,
  decisions: DECISION_COLUMNS,
};

const TYPE_OF_PROMOTED: Readonly<Record<PromotedType, Column['type']>> = {
  text: 'VARCHAR',
  integer: 'BIGINT',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMPTZ',
};

/**
 * The columns of a table with promoted fields, in order: what it always has, a column per field, and `_clashes`; the last
 * only where there is a promoted field.
 */
export function columnsOf(table: Table, promoted: readonly PromotedField[] = []): readonly Column[] {
  if (promoted.length === 0) return COLUMNS[table];
  return [
    ...COLUMNS[table],
    ...promoted.map(({ column, type }): Column => ({
      name: column,
      type: TYPE_OF_PROMOTED[type],
      from: 'data',
    })),
    { name: CLASHES, type: 'JSON', from: 'data' },
  ];
}

/** Names that Headgate's own statements use beside the columns. */
const USED_WITHIN = ['day', 'file_index', 'file_row_number', 'filename', 'place', 'profile', 'row_in_file'];

/** True for a name that no promoted field's column may have: each table has it, or a statement of ours uses it. */
export function isReservedColumn(table: Table, name: string): boolean {
  return USED_WITHIN.includes(name) || COLUMNS[table].some((column) => column.name === name);
}

const TABLE_OF_STREAM: Readonly<Record<Stream, Table>> = {
  events: 'events',
  'user-properties': 'user_properties',
  decisions: 'decisions',
};

/** The table a stream is loaded into. */
export function tableOf(stream: Stream): Table {
  return TABLE_OF_STREAM[stream];
}
