import { randomBytes } from 'node:crypto';
import type { Database } from 'lmdb';

/** What a spool is called in batch ids, and what its fingerprints are made with. */
export interface Identity {
  /** 8 hex digits. */
  readonly node: string;
  /** 16 hex digits each. */
  readonly seeds: [string, string];
  /** Sequence number from which on fingerprints are of source and id; those before, of version 0.1.0, are of ids alone. */
  readonly keyedFrom?: number;
}

/**
 * The identity of a spool, made by chance when it is new.
 * @param nextSeq the next sequence number to be used
 */
export function identityOf(table: Database<Identity, string>, nextSeq: number): Required<Identity> {
  const kept = table.get('identity');
  if (kept?.keyedFrom !== undefined) return { ...kept, keyedFrom: kept.keyedFrom };
  const made: Required<Identity> = {
    node: kept?.node ?? randomBytes(4).toString('hex'),
    seeds: kept?.seeds ?? [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')],
    keyedFrom: nextSeq,
  };
  table.putSync('identity', made);
  return made;
}
