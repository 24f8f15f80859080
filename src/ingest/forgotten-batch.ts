import { isUnreadable, unlessUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';
import { tenantQueue } from '../tenants/queues.js';
import type { IngestBatchInput } from '../workflows/messages/batches.js';
import type { Plan } from './partition.js';

/** What {@link inputOfForgotten} reads. */
export type KeptBatches = Pick<BatchStore, 'read' | 'ref'>;

/**
 * What starts a batch again that Temporal no longer knows: its workflow was deleted or is past its retention, its
 * database is lost, or this is another Temporal. Only the files are left then, and they may be gone as well.
 * @returns why there is nothing to start, where its file is gone or its tenant erased
 * @throws HeadgateError what the batch store throws that is tried again, such as `BATCH_UNREACHABLE`
 */
export async function inputOfForgotten(
  store: KeptBatches,
  plan: Plan,
): Promise<{ readonly input: IngestBatchInput } | { readonly lost: string }> {
  try {
    const input = plan.input ?? (await fromFiles(store, plan));
    await unlessDamaged(store.read(input.batch));
    const { decisions, ...counted } = input.decided;
    const kept = decisions && (await unlessUnreadable(store.read(decisions)));
    return { input: kept === undefined ? { ...input, decided: counted } : input };
  } catch (error) {
    if (isUnreadable(error)) return { lost: error.message };
    throw error;
  }
}

/** A damaged file is dead-lettered by its load, where people see it. */
async function unlessDamaged(reading: Promise<unknown>): Promise<void> {
  await reading.catch((error: unknown) => {
    if (!isUnreadable(error) || error.code !== 'BATCH_CORRUPT') throw error;
  });
}

/** Of a plan that an earlier version wrote: where the batch was routed to is not known any more. */
async function fromFiles(store: KeptBatches, { tenant, stream, batchId }: Plan): Promise<IngestBatchInput> {
  const batch = await store.ref({ tenant, stream, batchId });
  const decisions = await unlessUnreadable(store.ref({ tenant, stream: 'decisions', batchId }));
  return {
    batch,
    contents: { types: [], firstEvent: '', lastEvent: '' },
    decided: { evaluated: decisions?.events ?? 0, eligible: {}, ...(decisions && { decisions }) },
    activityQueue: tenantQueue(tenant),
  };
}
