import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createDurably, TEMPORARY, writeDurably } from '../../platform/durable-file.js';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import { readIfThere } from '../../platform/read-if-there.js';
import { describeOwner, lockFile, type LockOwner } from '../../platform/file-lock.js';
import { isTenantId } from '../../tenants/ids.js';
import { KeyedMutex } from '../../platform/keyed-mutex.js';
import { keyPathParts, type KeyFiles } from './key-file.js';

const LOCK = join('.batch-key-lock', 'owner.json');
/** Nobody else's, although the keys in it are wrapped. */
const MODE = 0o600;

/** The lock keeps out other processes; this, the same one. */
const turns = new KeyedMutex();

/**
 * Key files in a local directory of batches: `<root>/<tenant>/batch-key.json` and `<root>/.batch-key.json`. Any process
 * may create one; replacing is left to commands, one at a time.
 */
export function createLocalKeyFiles(root: string): KeyFiles {
  const pathOf = (...[owner]: Parameters<KeyFiles['read']>): string => join(root, ...keyPathParts(owner));
  const produce = (bytes: Buffer) => (temporary: string) => writeFile(temporary, bytes, { mode: MODE });
  const readVersion: KeyFiles['readVersion'] = async (owner) => {
    const bytes = await readIfThere(pathOf(owner));
    return bytes && { bytes, version: createHash('sha256').update(bytes).digest('hex') };
  };
  return {
    read: async (owner) => readIfThere(pathOf(owner)),
    readVersion,
    create: async (owner, bytes) => createDurably(pathOf(owner), produce(bytes)),
    replace: (owner, bytes, version) =>
      turns.run(root, async () => {
        const lock = await lockFile(join(root, LOCK), { held: lockedError });
        try {
          if ((await readVersion(owner))?.version !== version) return false;
          await removeTemporaries(pathOf(owner));
          await writeDurably(pathOf(owner), produce(bytes));
          return true;
        } finally {
          lock.release();
        }
      }),
    tenants: () => tenantsIn(root),
  };
}

/**
 * A crash may have left one, with a key in it that is about to be deleted. Before the write, whose flush of the directory
 * makes it last.
 */
async function removeTemporaries(path: string): Promise<void> {
  const directory = dirname(path);
  for (const name of await readdir(directory))
    if (name.startsWith(`.${basename(path)}.`) && name.endsWith(TEMPORARY))
      await rm(join(directory, name), { force: true });
}

async function* tenantsIn(root: string): AsyncIterable<string> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  });
  for (const entry of entries) if (entry.isDirectory() && isTenantId(entry.name)) yield entry.name;
}

function lockedError(owner: LockOwner | undefined): HeadgateError {
  const message = `Keys of these batches are being changed by ${describeOwner(owner)}; try again when it has ended.`;
  return new HeadgateError('STATE_CONFLICT', message, { retryable: true });
}
