import { randomBytes } from 'node:crypto';
import { HeadgateError } from '../../errors.js';
import { assertTenantId } from '../../tenants/ids.js';
import type { KeyOwner, WrappedKey } from './key-file.js';
import { MasterKey, type MasterKeys } from './master-key.js';

/** The master keys of this process, and what is wrapped by them. */
export class MasterKeyring {
  /** True when there is a key to wrap new ones with. */
  readonly wraps: boolean;
  /** True when there is any key. */
  readonly opens: boolean;
  private readonly keys: readonly MasterKey[];

  constructor({ current, previous }: MasterKeys) {
    this.keys = [current, previous].flatMap((key) => (key === undefined ? [] : [new MasterKey(key)]));
    this.wraps = current !== undefined;
    this.opens = this.keys.length > 0;
  }

  /**
   * A new random key of 32 bytes, wrapped.
   * @throws HeadgateError `BATCH_KEY_MISSING`
   */
  newKey(owner: KeyOwner): WrappedKey {
    const id = randomBytes(8).toString('hex');
    return this.wrap(owner, { id, createdAt: new Date().toISOString() }, randomBytes(32));
  }

  /** @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG` */
  unwrap(owner: KeyOwner, { id, master, wrapped }: WrappedKey): Buffer {
    if (!this.opens) throw missingKeyError();
    const key = this.keys.find((each) => each.id === master)?.unwrap(wrapped, contextOf(owner, id));
    if (key !== undefined) return key;
    throw this.wrongKeyError(owner, master);
  }

  /**
   * A key as the current master key wraps it; the same object if it has done so already.
   * @throws HeadgateError `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG`
   */
  rewrap(owner: KeyOwner, wrapped: WrappedKey): WrappedKey {
    const key = this.unwrap(owner, wrapped);
    return wrapped.master === this.current().id ? wrapped : this.wrap(owner, wrapped, key);
  }

  private wrap(owner: KeyOwner, named: Pick<WrappedKey, 'id' | 'createdAt'>, key: Buffer): WrappedKey {
    const master = this.current();
    const { id, createdAt } = named;
    return { id, master: master.id, wrapped: master.wrap(key, contextOf(owner, id)), createdAt };
  }

  private current(): MasterKey {
    const [key] = this.keys;
    if (key === undefined || !this.wraps) throw missingKeyError();
    return key;
  }

  private wrongKeyError(owner: KeyOwner, master: string): HeadgateError {
    const whose = owner === 'deployment' ? 'The keys of these batches are' : `A key of ${owner.tenant} is`;
    const message = this.keys.some(({ id }) => id === master)
      ? `${whose} damaged, or not where they belong: put the key file back from a backup.`
      : `${whose} wrapped by master key ${master}, but HEADGATE_BATCH_KEY and HEADGATE_BATCH_KEY_PREVIOUS have ${this.keys.map(({ id }) => id).join(', ')}: set the one that is missing.`;
    return new HeadgateError('BATCH_KEY_WRONG', message, { retryable: true });
  }
}

/** What is thrown for what is encrypted while there is no master key. */
export function missingKeyError(): HeadgateError {
  const message = 'Batch files here are encrypted: set HEADGATE_BATCH_KEY to the key they were written with.';
  return new HeadgateError('BATCH_KEY_MISSING', message, { retryable: true });
}

/** What a wrapped key is bound to: it opens in no other place. */
function contextOf(owner: KeyOwner, id: string): string {
  return owner === 'deployment' ? `deployment/${id}` : `tenant/${assertTenantId(owner.tenant)}/${id}`;
}
