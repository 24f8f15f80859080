import type { BatchRef, BatchName } from '../events/event.js';
import { faultPoint } from '../platform/fault-point.js';
import { joinRouted } from '../routing/join-routed.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { tenantQueue } from '../tenants/queues.js';
import type { BatchContents, DecidedBatch, IngestBatchInput } from '../workflows/messages/batches.js';
import type { Plan } from './partition.js';
import { join } from './pack.js';
import type { Spool } from './spool.js';
import type { ChunkRecord, RecordHead } from './spool-record.js';

/** Where a batch is written. */
export interface WriteBatchOptions {
  readonly spool: Pick<Spool, 'plan'>;
  readonly batchStore: BatchStore;
}

/** Event types named in a batch's summary. */
const TYPES_SHOWN = 8;

/**
 * Writes a batch's plan and its files, and gives the input of its workflow. The plan first: a crash then leaves no file of
 * events that come in a batch of another name later.
 * @throws HeadgateError `DISK_FULL` (retryable), `BATCH_ID_TAKEN`
 */
export async function writeBatch(
  { spool, batchStore }: WriteBatchOptions,
  plan: Plan,
  records: readonly ChunkRecord[],
): Promise<IngestBatchInput> {
  const gzipped = await join(records.map((record) => record.events));
  await spool.plan(plan);
  const [batch, decided] = await Promise.all([
    write('batch-file', batchStore, plan, gzipped, eventsOf(records)),
    writeDecisions(batchStore, plan, records),
  ]);
  const heads = records.map(({ head }) => head);
  const routed = joinRouted(heads);
  const receivedAt = oldestOf(heads);
  return {
    batch: { ...batch, receivedAt },
    contents: contentsOf(heads),
    decided:
      decided.decisions === undefined
        ? decided
        : { ...decided, decisions: { ...decided.decisions, receivedAt } },
    activityQueue: tenantQueue(plan.tenant),
    ...(routed.length > 0 && { routed }),
  };
}

/** Events in chunks. */
export function eventsOf(records: readonly ChunkRecord[]): number {
  return records.reduce((sum, { head }) => sum + head.events, 0);
}

function oldestOf(heads: readonly RecordHead[]): number {
  return heads.reduce((oldest, { receivedAt }) => Math.min(oldest, receivedAt), Infinity);
}

async function writeDecisions(
  batchStore: BatchStore,
  { tenant, batchId }: Plan,
  records: readonly ChunkRecord[],
): Promise<DecidedBatch> {
  const eligible: Record<string, number> = {};
  let evaluated = 0;
  for (const { head } of records) {
    evaluated += head.evaluated;
    for (const [rule, count] of Object.entries(head.eligible)) eligible[rule] = (eligible[rule] ?? 0) + count;
  }
  if (evaluated === 0) return { evaluated, eligible };
  const name: BatchName = { tenant, stream: 'decisions', batchId };
  const gzipped = await join(records.map((record) => record.decisions));
  const decisions = await write('decisions-file', batchStore, name, gzipped, evaluated);
  return { evaluated, eligible, decisions };
}

async function write(
  step: 'batch-file' | 'decisions-file',
  batchStore: BatchStore,
  name: BatchName,
  gzipped: Buffer,
  lines: number,
): Promise<BatchRef> {
  faultPoint(`${step}.before`);
  const batch = await batchStore.write(name, gzipped, lines, { unlessOther: true });
  faultPoint(`${step}.after`);
  return batch;
}

/** What some chunks hold, told in short. */
export function contentsOf(
  chunks: readonly Pick<RecordHead, 'types' | 'firstEvent' | 'lastEvent'>[],
): BatchContents {
  const types = [...new Set(chunks.flatMap((chunk) => chunk.types))].sort().slice(0, TYPES_SHOWN);
  return { types, firstEvent: chunks[0]?.firstEvent ?? '', lastEvent: chunks.at(-1)?.lastEvent ?? '' };
}
