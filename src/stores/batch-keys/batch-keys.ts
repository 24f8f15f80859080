import { createSecretKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { HeadgateError } from '../../errors.js';
import { faultPoint } from '../../platform/fault-point.js';
import { decodeKeyFile, encodeKeyFile, type KeyFile, type KeyFiles, type WrappedKey } from './key-file.js';
import type { MasterKeyring } from './master-keyring.js';

const RECHECK_MS = 60_000;
/** Tenants whose keys are in memory: a kilobyte each. */
const MAX_CACHED = 10_000;

/** A key that batch files are sealed with. */
export interface DataKey {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly key: KeyObject;
}

/** What {@link BatchKeys} needs. */
export interface BatchKeysOptions {
  readonly files: KeyFiles;
  readonly masters: MasterKeyring;
  /** Milliseconds after which a tenant's file is looked at again: how long a key that is deleted goes on working in this process. Default 60,000. */
  readonly recheckMs?: number;
}

/** The keys of a tenant, of which those are unwrapped that have been used. */
interface KeyRing {
  readonly file: KeyFile;
  readonly unwrapped: Map<string, KeyObject>;
}

/**
 * The keys of all tenants, each tenant's in a file of its own beside its batches, wrapped by the master key. A tenant's first
 * key is made for its first batch; the first process that writes it wins, the others take what it wrote. A file that is
 * there is only ever replaced, and one that says that its keys were deleted by nothing else: no old file is met by a new key.
 */
export class BatchKeys {
  /** True when there may be batch files that have to be opened. */
  readonly opens: boolean;
  /** True when batch files are to be sealed. */
  readonly seals: boolean;
  private readonly rings: LRUCache<string, KeyRing>;
  private checked = false;

  constructor(private readonly options: BatchKeysOptions) {
    this.opens = options.masters.opens;
    this.seals = options.masters.wraps;
    this.rings = new LRUCache({ max: MAX_CACHED, ttl: options.recheckMs ?? RECHECK_MS });
  }

  /**
   * Compares the master keys with the one that the store was first used with; asks the store until it has answered once.
   * @param create notes the key of a store that has not been used with any
   * @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG` (both say what to do)
   */
  async check({ create }: { readonly create: boolean }): Promise<void> {
    if (this.checked) return;
    const { files, masters } = this.options;
    const kept = await files.read('deployment');
    if (kept !== undefined) {
      for (const key of decodeKeyFile('deployment', kept).keys) masters.unwrap('deployment', key);
    } else if (this.seals) {
      if (!create) return;
      const bytes = encodeKeyFile({ keys: [masters.newKey('deployment')] });
      // One that was there first has to be looked at.
      if (!(await files.create('deployment', bytes))) return this.check({ create });
    }
    this.checked = true;
  }

  /**
   * The key that a tenant's files are to be sealed with; made if it is the first.
   * @throws HeadgateError `TENANT_ERASED`, `BATCH_KEY_WRONG`
   */
  async forSealing(tenant: string): Promise<DataKey> {
    const ring = this.rings.get(tenant) ?? (await this.load(tenant)) ?? (await this.make(tenant));
    const last = ring.file.keys.at(-1);
    if (last === undefined) throw erasedError(tenant, ring.file);
    return { id: last.id, key: this.keyIn(ring, tenant, last) };
  }

  /**
   * A key by its id; undefined if the tenant has others, but not this one.
   * @throws HeadgateError `TENANT_ERASED` (it has none), `BATCH_KEY_WRONG`, `BATCH_KEY_MISSING`
   */
  async forOpening(tenant: string, id: string): Promise<KeyObject | undefined> {
    const find = (ring?: KeyRing): WrappedKey | undefined => ring?.file.keys.find((key) => key.id === id);
    let ring = this.rings.get(tenant);
    // Another process may have made it since this one has looked. After an erasure none is made.
    if (find(ring) === undefined && ring?.file.erasedAt === undefined) ring = await this.load(tenant);
    if (ring === undefined || ring.file.erasedAt !== undefined) throw erasedError(tenant, ring?.file);
    const found = find(ring);
    return found && this.keyIn(ring, tenant, found);
  }

  private async load(tenant: string): Promise<KeyRing | undefined> {
    const bytes = await this.options.files.read({ tenant });
    if (bytes === undefined) return undefined;
    const ring: KeyRing = { file: decodeKeyFile({ tenant }, bytes), unwrapped: new Map() };
    this.rings.set(tenant, ring);
    return ring;
  }

  private async make(tenant: string): Promise<KeyRing> {
    // A key that is wrapped by the wrong master key would be lost with it.
    await this.check({ create: true });
    faultPoint('batch-key.before');
    const { files, masters } = this.options;
    await files.create({ tenant }, encodeKeyFile({ keys: [masters.newKey({ tenant })] }));
    faultPoint('batch-key.after');
    const ring = await this.load(tenant);
    if (ring === undefined) throw new Error(`The key of ${tenant} is gone again.`);
    return ring;
  }

  private keyIn({ unwrapped }: KeyRing, tenant: string, wrapped: WrappedKey): KeyObject {
    const known = unwrapped.get(wrapped.id);
    if (known !== undefined) return known;
    const key = createSecretKey(this.options.masters.unwrap({ tenant }, wrapped));
    unwrapped.set(wrapped.id, key);
    return key;
  }
}

/** What is thrown once a tenant's keys have been deleted. */
export function erasedError(tenant: string, file?: KeyFile): HeadgateError {
  const when = file?.erasedAt === undefined ? 'is gone' : `was deleted at ${file.erasedAt}`;
  return new HeadgateError(
    'TENANT_ERASED',
    `The key of tenant ${tenant} ${when}: its batches cannot be read.`,
  );
}
