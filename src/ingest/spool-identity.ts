import { randomBytes } from 'node:crypto';
import type { Database } from 'lmdb';

/** What a spool is called in batch ids, and what its fingerprints are made with. */
export interface Identity {
  /** 8 hex digits. */
  readonly node: string;
  /** 16 hex digits each. */
  readonly seeds: [string, string];
}

/** The identity of a spool, made by chance when it is new. */
export function identityOf(table: Database<Identity, string>): Identity {
  const kept = table.get('identity');
  if (kept !== undefined) return kept;
  const made: Identity = {
    node: randomBytes(4).toString('hex'),
    seeds: [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')],
  };
  table.putSync('identity', made);
  return made;
}
