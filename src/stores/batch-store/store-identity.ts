import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDurably, writeDurably } from '../../platform/durable-file.js';
import { HeadgateError } from '../../errors.js';
import { readIfThere } from '../../platform/read-if-there.js';

/** The name of the file that says which store it is, at the root of a store. */
export const IDENTITY_FILE = '.store.json';

/** Where a store keeps who it is; of processes that create it at the same time, one does. */
export interface IdentityFile {
  /** For messages: the path, or the object's URL. */
  readonly place: string;
  read(): Promise<Buffer | undefined>;
  create(bytes: Buffer): Promise<unknown>;
  replace(bytes: Buffer): Promise<void>;
}

interface Identity {
  /** 16 hex digits. */
  readonly id: string;
  /** Stores that are gone for good: their batches are looked for here, and are gone where they are not. */
  readonly standsFor?: readonly string[];
}

const STORE_ID = /^[0-9a-f]{16}$/;

/** True for what may be the id of a batch store: 16 hex digits. */
export function isStoreId(id: unknown): id is string {
  return typeof id === 'string' && STORE_ID.test(id);
}

/**
 * Which batch store this is: a number made by chance when it is first asked for, and kept in the store. It goes with the files
 * when they are moved, copied or restored. By it a batch that is somewhere else is told from one that is gone.
 */
export class StoreIdentity {
  private known?: Promise<Identity>;

  constructor(private readonly file: IdentityFile) {}

  /** The store's id. @throws HeadgateError `BATCH_STORE_REFUSED`: its file is not readable; what the store throws */
  async id(): Promise<string> {
    return (await this.get()).id;
  }

  /** The store's id, undefined while it has none; makes none. */
  async idIfThere(): Promise<string | undefined> {
    const kept = await this.file.read();
    return kept && this.decode(kept).id;
  }

  /** True when batches of the store `id` are to be looked for in this one, and nowhere else. */
  async standsFor(id: string): Promise<boolean> {
    if (holds(await this.get(), id)) return true;
    // Another process may have been told so meanwhile.
    this.known = undefined;
    return holds(await this.get(), id);
  }

  /** Has this store stand for one that is gone for good. */
  async adopt(id: string): Promise<void> {
    this.known = undefined;
    const identity = await this.get();
    if (holds(identity, id)) return;
    const standsFor = [...(identity.standsFor ?? []), id];
    await this.file.replace(encode({ ...identity, standsFor }));
    this.known = undefined;
  }

  private get(): Promise<Identity> {
    this.known ??= this.readOrMake().catch((error: unknown) => {
      this.known = undefined;
      throw error;
    });
    return this.known;
  }

  private async readOrMake(): Promise<Identity> {
    const kept = await this.file.read();
    if (kept !== undefined) return this.decode(kept);
    await this.file.create(encode({ id: randomBytes(8).toString('hex') }));
    return this.decode(await this.file.read());
  }

  private decode(bytes: Buffer | undefined): Identity {
    const identity = parse(bytes);
    if (identity !== undefined) return identity;
    throw new HeadgateError(
      'BATCH_STORE_REFUSED',
      `${this.file.place}, which says which batch store this is, cannot be read. Restore it from a backup; without one delete it, and batches on their way are tried until \`headgate namespace lost\` says that they are here.`,
      { retryable: true },
    );
  }
}

/** The identity of the store in a local directory. */
export function localStoreIdentity(root: string): StoreIdentity {
  const place = join(root, IDENTITY_FILE);
  const produce = (bytes: Buffer) => (temporary: string) => writeFile(temporary, bytes);
  return new StoreIdentity({
    place,
    read: () => readIfThere(place),
    create: (bytes) => createDurably(place, produce(bytes)),
    replace: (bytes) => writeDurably(place, produce(bytes)),
  });
}

function holds({ id, standsFor = [] }: Identity, wanted: string): boolean {
  return id === wanted || standsFor.includes(wanted);
}

function encode(identity: Identity): Buffer {
  return Buffer.from(`${JSON.stringify(identity)}\n`);
}

function parse(bytes: Buffer | undefined): Identity | undefined {
  try {
    const { id, standsFor } = JSON.parse(bytes?.toString('utf8') ?? '') as Identity;
    if (!isStoreId(id)) return undefined;
    return { id, standsFor: Array.isArray(standsFor) ? standsFor.filter(isStoreId) : [] };
  } catch {
    return undefined;
  }
}
