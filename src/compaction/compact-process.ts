import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { HeadgateError } from '../errors.js';
import { octetLinesOf } from '../events/ndjson.js';
import type { CompactionResult } from '../stores/warehouse/parquet/compaction.js';

/** What a process of its own is to compact. */
export interface CompactionOrder {
  /** The directory above all tenants' warehouse directories. */
  readonly root: string;
  /** One after the other. */
  readonly tenants: readonly string[];
  readonly olderThanMs: number;
  readonly graceMs: number;
}

/** How the compaction of a tenant has ended. */
export type CompactionReport =
  | { readonly tenant: string; readonly result: CompactionResult }
  | { readonly tenant: string; readonly failed: { readonly code: string; readonly reason: string } };

/** Made by the build; run from `src` as well as from `dist`. */
const MAIN = fileURLToPath(new URL('../../dist/compaction/compact-main.js', import.meta.url));

/**
 * Compacts tenants in a process of the lowest priority: it takes what processor time the rest of the machine leaves, and
 * gives back at its end the hundreds of megabytes that DuckDB takes meanwhile. An abort ends it, as it may be killed at
 * any point.
 * @param onReport called for each tenant as it ends
 * @throws the signal's reason when aborted; HeadgateError `WAREHOUSE_FAILED` when the process ends otherwise than it should
 */
export async function compactInProcess(
  order: CompactionOrder,
  onReport: (report: CompactionReport) => void,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [MAIN], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  ended.catch(() => undefined);
  const abort = (): boolean => child.kill();
  signal.addEventListener('abort', abort, { once: true });
  try {
    // At once: the threads that it starts then have this priority as well.
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    const said = text(child.stderr);
    // A process that ends before it has read this says why on stderr.
    child.stdin.on('error', () => undefined).end(JSON.stringify(order));
    for await (const line of octetLinesOf(child.stdout))
      onReport(JSON.parse(line.toString('utf8')) as CompactionReport);
    const [code] = await ended;
    signal.throwIfAborted();
    if (code !== 0)
      throw new HeadgateError('WAREHOUSE_FAILED', `The compacting process ended: ${(await said).trim()}`, {
        retryable: true,
      });
  } finally {
    signal.removeEventListener('abort', abort);
    child.kill();
  }
}
