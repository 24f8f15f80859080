import type { Stream } from '../../event.js';

/** A table of the warehouse. */
export type Table = 'events' | 'user_properties' | 'decisions';

/** Every table, in the order they are shown. */
export const TABLES: readonly Table[] = ['events', 'user_properties', 'decisions'];

/** A column of a table, and where a load takes its value from. */
export interface Column {
  readonly name: string;
  readonly type: 'VARCHAR' | 'TIMESTAMPTZ' | 'JSON';
  /** The member of the batch file's line, the batch file's name, or the load itself. */
  readonly from: 'line' | 'file name' | 'load';
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
  text('subject'),
  text('rule'),
  text('rule_version'),
  text('outcome'),
  text('reason'),
  timestamp('time'),
  { name: 'batch_id', type: 'VARCHAR', from: 'file name' },
  ...OF_THE_LOAD,
];

/** The columns of each table, in order. */
export const COLUMNS: Readonly<Record<Table, readonly Column[]>> = {
  events: EVENT_COLUMNS,
  user_properties: EVENT_COLUMNS,
  decisions: DECISION_COLUMNS,
};

const TABLE_OF_STREAM: Readonly<Record<Stream, Table>> = {
  events: 'events',
  'user-properties': 'user_properties',
  decisions: 'decisions',
};

/** The table a stream is loaded into. */
export function tableOf(stream: Stream): Table {
  return TABLE_OF_STREAM[stream];
}
