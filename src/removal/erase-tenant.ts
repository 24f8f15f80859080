import { STREAMS, type BatchName } from '../events/event.js';
import { changeKeys } from '../stores/batch-keys/changes.js';
import type { KeyFile, KeyFiles } from '../stores/batch-keys/key-file.js';
import { isUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';

/** What has been erased of a tenant. */
export interface Erasure {
  /** When its keys were deleted: ISO 8601, UTC. Before now if that was so already. */
  readonly erasedAt: string;
  /** Keys deleted now. */
  readonly keys: number;
  /** Batch files deleted now: those that were not encrypted. */
  readonly plainFiles: number;
}

/**
 * Deletes a tenant's keys durably, leaves a note instead of them, and then deletes the batch files that are not encrypted.
 * May be run again. Other processes use what they have of the keys for a minute at most.
 * @param store a store that has not read anything of the tenant yet
 */
export async function eraseTenant(
  files: KeyFiles,
  store: Pick<BatchStore, 'list' | 'open' | 'delete'>,
  tenant: string,
): Promise<Erasure> {
  const erasedAt = new Date().toISOString();
  let before: KeyFile | undefined;
  const file = await changeKeys(files, { tenant }, (kept) => {
    before = kept;
    return kept?.erasedAt === undefined ? { keys: [], erasedAt } : kept;
  });
  const plainFiles = await deletePlainFiles(store, tenant);
  return { erasedAt: file.erasedAt ?? erasedAt, keys: before?.keys.length ?? 0, plainFiles };
}

async function deletePlainFiles(
  store: Pick<BatchStore, 'list' | 'open' | 'delete'>,
  tenant: string,
): Promise<number> {
  let deleted = 0;
  for (const stream of STREAMS)
    for await (const name of store.list({ tenant, stream })) {
      if (await isErased(store, name)) continue;
      await store.delete(name);
      deleted++;
    }
  return deleted;
}

/** A file that is damaged is not: what is left of it may be plain. */
async function isErased(store: Pick<BatchStore, 'open'>, name: BatchName): Promise<boolean> {
  try {
    await store.open(name);
    return false;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return error.code === 'TENANT_ERASED';
  }
}
