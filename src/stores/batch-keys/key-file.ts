import { HeadgateError } from '../../errors.js';
import { assertTenantId } from '../../tenants/ids.js';

/** Whose keys a file has: a tenant's, or the deployment's own, by which its master key is recognised. */
export type KeyOwner = { readonly tenant: string } | 'deployment';

/** A key, wrapped by a master key. */
export interface WrappedKey {
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** Id of the master key. */
  readonly master: string;
  /** Base64. */
  readonly wrapped: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** What a key file says. */
export interface KeyFile {
  /** What is written is sealed with the last. Empty once they have been deleted. */
  readonly keys: readonly WrappedKey[];
  /** When they were deleted: ISO 8601, UTC. None is made again. */
  readonly erasedAt?: string;
}

/** A key file, and which of its versions it is. */
interface KeyFileVersion {
  readonly bytes: Buffer;
  readonly version: string;
}

/**
 * Where key files are: beside the batches, so that every process which reads those finds them, each replaced as a whole.
 * Any of the functions may throw what the batch store throws when it cannot be reached.
 */
export interface KeyFiles {
  /** Undefined when there is none. */
  read(owner: KeyOwner): Promise<Buffer | undefined>;
  /** What {@link KeyFiles.replace} needs. */
  readVersion(owner: KeyOwner): Promise<KeyFileVersion | undefined>;
  /** Writes a file durably where there is none; of processes that do so at once, one does. @returns whether it was this call */
  create(owner: KeyOwner, bytes: Buffer): Promise<boolean>;
  /** Replaces a version durably. @returns false when it is another by now */
  replace(owner: KeyOwner, bytes: Buffer, version: string): Promise<boolean>;
  /** Everybody who has a directory in the store; who has keys is told by their files. */
  tenants(): AsyncIterable<string>;
}

/**
 * The parts of a key file's path below the store's root.
 * @throws HeadgateError `TENANT_ID_INVALID`
 */
export function keyPathParts(owner: KeyOwner): readonly string[] {
  return owner === 'deployment' ? ['.batch-key.json'] : [assertTenantId(owner.tenant), 'batch-key.json'];
}

/** The bytes of a key file. */
export function encodeKeyFile(file: KeyFile): Buffer {
  return Buffer.from(`${JSON.stringify(file, undefined, 2)}\n`);
}

/**
 * Reads a key file.
 * @throws HeadgateError `BATCH_KEY_WRONG` (retryable): it is damaged. Nothing is given up for that; it may be put back.
 */
export function decodeKeyFile(owner: KeyOwner, bytes: Buffer): KeyFile {
  try {
    const { keys, erasedAt } = JSON.parse(bytes.toString('utf8')) as Partial<KeyFile>;
    if (keys?.every(isWrappedKey) && isErasure(erasedAt) && keys.length > 0 !== (erasedAt !== undefined))
      return { keys, ...(erasedAt !== undefined && { erasedAt }) };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  const whose =
    owner === 'deployment' ? 'The key file of this deployment' : `The key file of ${owner.tenant}`;
  const message = `${whose} (${keyPathParts(owner).join('/')}) is damaged: put it back from a backup.`;
  throw new HeadgateError('BATCH_KEY_WRONG', message, { retryable: true });
}

function isWrappedKey({ id, master, wrapped, createdAt }: Partial<WrappedKey>): boolean {
  const texts = [master, wrapped, createdAt].every((each) => typeof each === 'string');
  return texts && typeof id === 'string' && /^[0-9a-f]{16}$/.test(id);
}

function isErasure(erasedAt: unknown): boolean {
  return erasedAt === undefined || typeof erasedAt === 'string';
}
