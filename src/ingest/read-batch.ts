import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { LostChunk, LostEvents, Quarantine } from '../stores/quarantine/quarantine.js';
import { isOwn } from '../temporal/start-once.js';
import { batchWorkflowId } from '../tenants/workflow-ids.js';
import { INGEST_BATCH } from '../workflows/messages/batches.js';
import type { Plan } from './partition.js';
import type { Chunk } from '../events/chunk.js';
import type { Spool } from './spool.js';
import { decodeHead, isDamaged, unlessDamaged, type ChunkRecord, type RecordHead } from './spool-record.js';
import { eventsOf } from './write-batch.js';

/** What {@link readBatch} reads, and where it puts what is damaged. */
export interface ReadBatchOptions {
  readonly client: Client;
  readonly spool: Pick<Spool, 'read' | 'raw' | 'plan'>;
  readonly batchStore: Pick<BatchStore, 'delete'>;
  readonly quarantine: Quarantine;
}

/** A planned batch, as it was found in the spool. */
export interface ReadBatch {
  /** The chunks that are what was written, in order. */
  readonly records: readonly ChunkRecord[];
  /** What is not, noted in quarantine. */
  readonly lost?: LostEvents;
  /** True when the workflow is there already: of a damaged batch that an attempt before a crash has started. */
  readonly started: boolean;
}

interface Damaged {
  readonly chunk: Chunk;
  readonly problem: string;
}

/**
 * Reads the chunks of a batch. Those that the disk has damaged go to quarantine, and the batch goes on without them: what
 * is noted there as lost is left out in every attempt, so that a crash at any moment leads to the same batch. A damaged
 * batch that has been started is left as it is: its files are its workflow's by then.
 */
export async function readBatch(
  options: ReadBatchOptions,
  plan: Plan,
  chunks: readonly Chunk[],
): Promise<ReadBatch> {
  const { client, quarantine } = options;
  const noted = await quarantine.lost(plan);
  const left = new Set(noted?.chunks.map(({ seq }) => seq));
  const { records, damaged } = readChunks(
    options.spool,
    chunks.filter(({ seq }) => !left.has(seq)),
  );
  const missing = plan.events - eventsOf(records);
  if (missing === 0 && noted === undefined) return { records, started: false };
  if (await isStarted(client, plan)) return { records, lost: noted, started: true };
  const lost: LostEvents = {
    events: missing,
    chunks: [...(noted?.chunks ?? []), ...damaged.map((each) => lostChunk(options.spool, each))],
  };
  await setAside(options, plan, damaged, lost);
  return { records, lost, started: false };
}

function readChunks(
  spool: Pick<Spool, 'read'>,
  chunks: readonly Chunk[],
): { records: ChunkRecord[]; damaged: Damaged[] } {
  const records: ChunkRecord[] = [];
  const damaged: Damaged[] = [];
  for (const chunk of chunks) {
    try {
      records.push(spool.read(chunk));
    } catch (error) {
      if (!isDamaged(error)) throw error;
      damaged.push({ chunk, problem: error.message });
    }
  }
  return { records, damaged };
}

/**
 * The plan first, since the batch's name must not change any more; then the bytes, then the note, then the files of
 * attempts that could still read them.
 */
async function setAside(
  { spool, batchStore, quarantine }: ReadBatchOptions,
  plan: Plan,
  damaged: readonly Damaged[],
  lost: LostEvents,
): Promise<void> {
  await spool.plan(plan);
  for (const { chunk } of damaged) {
    const record = spool.raw(chunk);
    if (record !== undefined) await quarantine.keepRecord(plan, chunk.seq, record);
  }
  await quarantine.noteLost(plan, lost);
  await batchStore.delete(plan);
  await batchStore.delete({ ...plan, stream: 'decisions' });
}

function lostChunk(spool: Pick<Spool, 'raw'>, { chunk, problem }: Damaged): LostChunk {
  const { seq, events, receivedAt } = chunk;
  const { types, firstEvent, lastEvent } = headOf(spool.raw(chunk)) ?? UNKNOWN;
  return {
    seq,
    events,
    receivedAt: new Date(receivedAt).toISOString(),
    types,
    firstEvent,
    lastEvent,
    problem,
  };
}

const UNKNOWN = { types: [], firstEvent: '', lastEvent: '' } as const;

function headOf(record: Buffer | undefined): RecordHead | undefined {
  return record && unlessDamaged(() => decodeHead(record));
}

async function isStarted(client: Client, { tenant, stream, batchId }: Plan): Promise<boolean> {
  try {
    const found = await client.workflow.getHandle(batchWorkflowId(tenant, stream, batchId)).describe();
    return isOwn(found, { type: INGEST_BATCH, tenant });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
