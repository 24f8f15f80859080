import { INPUT_STREAMS, type InputStream } from '../events/event.js';
import { LineSet } from '../events/line-set.js';
import { TextLines } from '../events/ndjson.js';
import { unlessUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';
import { tableOf } from '../events/columns.js';
import { leftOutIn } from '../stores/warehouse/parquet/compacted-file.js';
import { listFiles } from '../stores/warehouse/parquet/files.js';
import type { Identified } from '../events/event-identity.js';
import { isBatchId } from '../tenants/ids.js';
import type { Workspace } from './workspace.js';

/** What {@link readLeftOut} needs. */
export interface LeftOutOptions {
  readonly workspace: Workspace;
  readonly tenant: string;
  readonly batchStore: Pick<BatchStore, 'open'>;
  readonly warehouseRoot: string;
}

/**
 * Reads the sources and ids of events that loads have left out as rows that cannot be loaded into the table `left_out (stream, source, id)`:
 * the files of the warehouse name their lines, and the kept batch files have the ids. A line that is not an event has none.
 */
export async function readLeftOut(options: LeftOutOptions): Promise<void> {
  const { workspace, batchStore, tenant } = options;
  await workspace.run('CREATE OR REPLACE TABLE left_out (stream VARCHAR, source VARCHAR, id VARCHAR)');
  for (const stream of INPUT_STREAMS) {
    for (const [batchId, lines] of await leftOutOf(options, stream)) {
      if (!isBatchId(batchId)) continue;
      const opened = await unlessUnreadable(batchStore.open({ tenant, stream, batchId }));
      if (opened === undefined) continue;
      const kept = new TextLines(opened.ndjson);
      for (const line of LineSet.decode(lines, kept.length)) {
        const event = identityIn(kept.at(line));
        if (event !== undefined)
          await workspace.run('INSERT INTO left_out VALUES ($1, $2, $3)', [stream, event.source, event.id]);
      }
    }
  }
}

/** By batch, the lines that are left out. Files that compacted ones replace may be read as well, and say the same. */
async function leftOutOf(
  { workspace, tenant, warehouseRoot }: LeftOutOptions,
  stream: InputStream,
): Promise<Map<string, string>> {
  const files = await listFiles(warehouseRoot, tenant, tableOf(stream));
  return leftOutIn((sql) => workspace.rows(sql), files);
}

function identityIn(line: string): Identified | undefined {
  try {
    const { source, id } = JSON.parse(line) as { readonly source?: unknown; readonly id?: unknown };
    return typeof source === 'string' && typeof id === 'string' ? { source, id } : undefined;
  } catch {
    return undefined;
  }
}
