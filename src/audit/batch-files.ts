import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../errors.js';
import { INPUT_STREAMS, type InputStream } from '../event.js';
import { assertTenantId } from '../tenant.js';
import { literal, literalList } from '../stores/warehouse/sql.js';
import type { Workspace } from './workspace.js';

const ENDING = '.ndjson.gz';
/** Files read by one statement: few enough to report on the way, enough to keep DuckDB busy. */
const FILES_AT_ONCE = 200;

/** Days, `YYYY-MM-DD`, both included; a missing end is open. */
export interface DayRange {
  readonly from?: string;
  readonly to?: string;
}

/** Told how many of a tenant's batch files have been read. */
export type OnRead = (read: number, of: number) => void;

/**
 * Reads the ids of a tenant's kept batch files into the table `filed (stream, id, type, batch_id)`.
 * @param root the batch store's directory
 */
export async function readBatchFiles(
  workspace: Workspace,
  root: string,
  tenant: string,
  days: DayRange,
  onRead: OnRead,
): Promise<void> {
  await workspace.run(
    'CREATE OR REPLACE TABLE filed (stream VARCHAR, id VARCHAR, type VARCHAR, batch_id VARCHAR)',
  );
  const files = new Map<InputStream, string[]>();
  for (const stream of INPUT_STREAMS) files.set(stream, await listBatchFiles(root, tenant, stream, days));
  const total = [...files.values()].reduce((sum, paths) => sum + paths.length, 0);
  let read = 0;
  for (const [stream, paths] of files) {
    for (let at = 0; at < paths.length; at += FILES_AT_ONCE) {
      const some = paths.slice(at, at + FILES_AT_ONCE);
      await workspace.run(insertStatement(stream, some));
      onRead((read += some.length), total);
    }
  }
}

function insertStatement(stream: InputStream, paths: readonly string[]): string {
  return `INSERT INTO filed
    SELECT ${literal(stream)}, id, type, split_part(parse_filename(filename), '.', 1)
    FROM read_json(${literalList(paths)}, format = 'newline_delimited', compression = 'gzip', filename = true,
      columns = {id: 'VARCHAR', type: 'VARCHAR'})`;
}

/** The batch files of a stream, oldest day first. Symbolic links are passed over: what they point at is not this tenant's. */
async function listBatchFiles(
  root: string,
  tenant: string,
  stream: InputStream,
  { from = '', to = '9' }: DayRange,
): Promise<string[]> {
  const ofTenant = join(root, assertTenantId(tenant));
  const directory = join(ofTenant, stream);
  const isOwn =
    (await entriesOf(root, 'directory')).includes(tenant) &&
    (await entriesOf(ofTenant, 'directory')).includes(stream);
  if (!isOwn) return [];
  const files: string[] = [];
  for (const day of await entriesOf(directory, 'directory')) {
    if (day < from || day > to) continue;
    for (const name of await entriesOf(join(directory, day), 'file'))
      if (name.endsWith(ENDING)) files.push(join(directory, day, name));
  }
  return files;
}

async function entriesOf(directory: string, kind: 'directory' | 'file'): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const ofKind = entries.filter((entry) => (kind === 'file' ? entry.isFile() : entry.isDirectory()));
    return ofKind.map(({ name }) => name).sort();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
