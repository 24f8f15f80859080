import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { QueueNotes, QueueRates } from '../temporal/queue-rates.js';
import { decodeKeyFile, keyPathParts, type KeyFiles } from '../stores/batch-keys/key-file.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { StateStore } from '../stores/state/state-store.js';
import type { UsageLedger } from '../stores/usage/ledger.js';
import type { Spool } from '../ingest/spool.js';
import { sourcePath } from '../sources/source-file.js';
import { tenantFileName } from '../tenants/config/tenant-file.js';
import { assertTenantId } from '../tenants/ids.js';
import type { TenantDirectories } from './left-behind.js';
import { clearQueues, deleteWorkflows, type OnDeleted } from './tenant-workflows.js';

/** What {@link removeTenant} works on. No process may use the data directory meanwhile. */
export interface RemoveTenantOptions {
  readonly tenant: string;
  readonly paths: TenantDirectories & { readonly tenants: string; readonly eventIndex: string };
  readonly client: Client;
  readonly rates: QueueRates & QueueNotes;
  readonly spool: Pick<Spool, 'skipTo' | 'forgetTenant'>;
  readonly state: Pick<StateStore, 'highestWatermark' | 'forgetTenant'>;
  readonly usage: Pick<UsageLedger, 'forgetTenant'>;
  readonly batchStore: Pick<BatchStore, 'deleteTenant'>;
  readonly keyFiles: Pick<KeyFiles, 'read'>;
  /** Subscriptions that it has now, or has had. */
  readonly subscriptions: readonly string[];
  readonly onDeleted?: OnDeleted;
}

/** What was removed. */
export interface RemovedTenant {
  readonly workflows: number;
  /** Events that were acknowledged, and not in a batch yet. */
  readonly waitingEvents: number;
  readonly subjects: number;
  /** When its batch keys were deleted for good: the note of that stays, and the id is not to be used again. */
  readonly erasedAt?: string;
}

/**
 * Removes all of a tenant: first its file, so that nothing is taken in for it any more, last what says that it was here. It
 * may be run again, and goes on where it broke off.
 */
export async function removeTenant(options: RemoveTenantOptions): Promise<RemovedTenant> {
  const { tenant, paths, client, rates, spool, state } = options;
  const id = assertTenantId(tenant);
  await rm(join(paths.tenants, tenantFileName(id)), { force: true });
  // Before what they would write.
  const { deleted, subscriptions } = await deleteWorkflows(client, id, options.onDeleted);
  await clearQueues(rates, id, new Set([...options.subscriptions, ...subscriptions]));
  // Its sequence numbers are used, although the state will not say so any more.
  spool.skipTo(state.highestWatermark());
  const waitingEvents = await spool.forgetTenant(id);
  const subjects = await state.forgetTenant(id);
  await options.usage.forgetTenant(id);
  const erasedAt = await deleteBatches(options);
  const { eventIndex, warehouse, deliveries, quarantine, secrets, tenantVersions } = paths;
  await rm(sourcePath(paths.sources, id), { force: true });
  for (const root of [eventIndex, warehouse, deliveries, quarantine, secrets, tenantVersions])
    await rm(join(root, id), { recursive: true, force: true });
  return { workflows: deleted, waitingEvents, subjects, ...(erasedAt !== undefined && { erasedAt }) };
}

async function deleteBatches({
  tenant,
  batchStore,
  keyFiles,
}: RemoveTenantOptions): Promise<string | undefined> {
  const owner = { tenant };
  const bytes = await keyFiles.read(owner);
  const erasedAt = bytes && decodeKeyFile(owner, bytes).erasedAt;
  await batchStore.deleteTenant(tenant, erasedAt === undefined ? undefined : keyPathParts(owner).at(-1));
  return erasedAt;
}
