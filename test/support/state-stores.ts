import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../src/platform/logger.js';
import { openLmdbStateStore } from '../../src/stores/state/lmdb.js';
import { openPostgresStateStore } from '../../src/stores/state/postgres.js';
import type { StateStore, SubjectRecord } from '../../src/stores/state/state-store.js';
import { newStateUrl, placeOf, usePostgres } from './postgres.js';

/** A kind of state store, for suites that are run over each. */
export interface StateStoreKind {
  readonly name: 'LMDB' | 'Postgres';
  /** To be called in a suite: gives each of its tests states of its own, empty at first; returns where the n-th is. */
  use(): (n?: number) => string;
  /** Opens what is there. */
  open(where: string): Promise<StateStore>;
}

/** Opens a state on Postgres; where it is lost to another process, the test fails. */
export function openStateAt(url: string, lockWaitMs?: number): Promise<StateStore> {
  return openPostgresStateStore(placeOf(url), {
    log: createLogger('silent'),
    onFatal: (reason) => {
      throw new Error(reason);
    },
    lockWaitMs,
  });
}

/** Opens the state of either kind, by where it is. */
export async function openState(where: string): Promise<StateStore> {
  return where.startsWith('postgres:') ? openStateAt(where) : openLmdbStateStore(where);
}

/** The kinds there are. */
export const STATE_STORES: readonly StateStoreKind[] = [
  {
    name: 'LMDB',
    use: () => {
      let dir = '';
      beforeEach(() => {
        dir = mkdtempSync(join(tmpdir(), 'headgate-state-'));
      });
      // LMDB may still be putting its files away.
      afterEach(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
      return (n = 0) => join(dir, `state-${n}`);
    },
    open: openState,
  },
  {
    name: 'Postgres',
    use: () => {
      const server = usePostgres();
      let url = '';
      beforeEach(() => {
        url = newStateUrl(server());
      });
      return (n = 0) => `${url}_${n}`;
    },
    open: openState,
  },
];

/** What a store has of a subject. */
export async function subjectIn(
  store: StateStore,
  tenant: string,
  subject: string,
): Promise<SubjectRecord | undefined> {
  return (await store.subjects([{ tenant, subject }]))[0];
}

/** A suite that is run over each kind of state store. */
export function overStateStores(
  title: string,
  suite: (this: Mocha.Suite, kind: StateStoreKind) => void,
): void {
  for (const kind of STATE_STORES)
    describe(`${title} (state on ${kind.name})`, function () {
      suite.call(this, kind);
    });
}
