import { INPUT_STREAMS, type InputStream, type BatchName } from '../events/event.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { literal, literalList } from '../stores/warehouse/sql.js';
import type { Workspace } from './workspace.js';

/** Files read by one statement: few enough to report on the way, enough to keep DuckDB busy. */
const FILES_AT_ONCE = 200;

/** Days, `YYYY-MM-DD`, both included; a missing end is open. */
export interface DayRange {
  readonly from?: string;
  readonly to?: string;
}

/** A kept batch file that is damaged: none of its events is read. */
export interface DamagedFile {
  readonly stream: InputStream;
  readonly batchId: string;
}

/** Called with how many of a tenant's batch files have been read. */
export type OnRead = (read: number, of: number) => void;

/**
 * Reads the sources and ids of a tenant's kept batch files into the table `filed (stream, source, id, type, batch_id)`. A
 * line that is not an event has no id; see left-out.ts. Damaged files, which DuckDB would read with wrong values, are left
 * out and given back.
 */
export async function readBatchFiles(
  workspace: Workspace,
  store: Pick<BatchStore, 'list' | 'localFiles'>,
  tenant: string,
  days: DayRange,
  onRead: OnRead,
): Promise<DamagedFile[]> {
  await workspace.run(
    'CREATE OR REPLACE TABLE filed (stream VARCHAR, source VARCHAR, id VARCHAR, type VARCHAR, batch_id VARCHAR)',
  );
  const names = new Map<InputStream, BatchName[]>();
  for (const stream of INPUT_STREAMS) names.set(stream, await namesOf(store, tenant, stream, days));
  const total = [...names.values()].reduce((sum, ofStream) => sum + ofStream.length, 0);
  let read = 0;
  const found: DamagedFile[] = [];
  for (const [stream, ofStream] of names) {
    for (let at = 0; at < ofStream.length;) {
      const asked = ofStream.slice(at, at + FILES_AT_ONCE);
      const files = await store.localFiles(asked);
      try {
        const whole = files.paths.filter((path) => !files.damaged.has(path));
        if (whole.length > 0) await workspace.run(insertStatement(stream, whole));
        for (const [index, path] of files.paths.entries())
          if (files.damaged.has(path)) found.push({ stream, batchId: (asked[index] as BatchName).batchId });
      } finally {
        await files.release();
      }
      at += files.paths.length;
      onRead((read += files.paths.length), total);
    }
  }
  return found;
}

function insertStatement(stream: InputStream, paths: readonly string[]): string {
  return `INSERT INTO filed
    SELECT ${literal(stream)}, source, id, type, split_part(parse_filename(filename), '.', 1)
    FROM read_json(${literalList(paths)}, format = 'newline_delimited', compression = 'gzip', filename = true,
      ignore_errors = true, columns = {source: 'VARCHAR', id: 'VARCHAR', type: 'VARCHAR'})
    WHERE id IS NOT NULL`;
}

async function namesOf(
  store: Pick<BatchStore, 'list'>,
  tenant: string,
  stream: InputStream,
  days: DayRange,
): Promise<BatchName[]> {
  const names: BatchName[] = [];
  for await (const name of store.list({ tenant, stream, ...days })) names.push(name);
  return names;
}
