import { access } from 'node:fs/promises';
import { HeadgateError } from '../../errors.js';
import type { BatchRef, BatchName } from '../../events/event.js';
import { isUnreadable, type BatchStore, type LocalFiles } from './batch-store.js';
import type { StoreIdentity } from './store-identity.js';

/** What tells where a batch is whose reference does not say it: the store of the namespace, if that is known. */
export type BoundStore = () => Promise<string | undefined>;

/**
 * A batch store whose references say which store they are of. A batch that is not here, or not as it was written, and whose
 * reference is of another store, is not gone: it is out of reach, `BATCH_UNREACHABLE`, which is tried again. One that is here
 * is read, whatever its reference says: it has been brought along.
 * @param boundStore for references of earlier versions, which do not say it; without it such a batch counts as this store's
 */
export function identified(store: BatchStore, identity: StoreIdentity, boundStore?: BoundStore): BatchStore {
  const signed = async (ref: BatchRef): Promise<BatchRef> => ({ ...ref, store: await identity.id() });

  const assertOurs = async (ref: BatchRef, cause?: unknown): Promise<void> => {
    const wanted = ref.store ?? (await boundStore?.());
    if (wanted === undefined || (await identity.standsFor(wanted))) return;
    throw unreachable(`Batch ${ref.batchId} is`, { wanted, own: await identity.id() }, cause);
  };

  /** What is not here cannot be listed: a replay of it would find nothing, and end. */
  const assertBound = async (): Promise<void> => {
    const wanted = await boundStore?.();
    if (wanted === undefined || (await identity.standsFor(wanted))) return;
    throw unreachable('Batches of this namespace are', { wanted, own: await identity.id() });
  };

  const assertReached = async (
    names: readonly (BatchName | BatchRef)[],
    files: LocalFiles,
  ): Promise<void> => {
    const own = await identity.id();
    for (const [index, name] of names.slice(0, files.paths.length).entries()) {
      if (!('sha256' in name) || name.store === own) continue;
      const path = files.paths[index] as string;
      const damage = files.damaged.get(path);
      if (damage !== undefined || !(await isThere(path))) await assertOurs(name, damage);
    }
  };

  return {
    ...store,
    write: async (...args) => signed(await store.write(...args)),
    ref: async (name) => signed(await store.ref(name)),
    open: async (name) => {
      const { ref, ndjson } = await store.open(name);
      return { ref: await signed(ref), ndjson };
    },
    list: async function* (range) {
      await assertBound();
      yield* store.list(range);
    },
    read: async (ref) => {
      try {
        return await store.read(ref);
      } catch (error) {
        if (isUnreadable(error)) await assertOurs(ref, error);
        throw error;
      }
    },
    localFiles: async (names, signal) => {
      const files = await store.localFiles(names, signal).catch(async (error: unknown) => {
        if (isUnreadable(error))
          for (const name of names) if ('sha256' in name) await assertOurs(name, error);
        throw error;
      });
      try {
        await assertReached(names, files);
        return files;
      } catch (error) {
        await files.release();
        throw error;
      }
    },
  };
}

function unreachable(
  what: string,
  { wanted, own }: { wanted: string; own: string },
  cause?: unknown,
): HeadgateError {
  const text = `${what} in batch store ${wanted}, and this process has ${own}; it is tried again. Run this process where that store is (HEADGATE_DATA_DIR, HEADGATE_BATCHES); if it is gone for good: headgate namespace lost ${wanted}`;
  return new HeadgateError('BATCH_UNREACHABLE', text, { retryable: true, cause });
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
