import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { writeDurably } from '../platform/durable-file.js';
import { HeadgateError } from '../errors.js';
import { describePlace, type PostgresPlace } from '../stores/state/postgres-place.js';
import { openLmdbStateStore, readLmdbState } from '../stores/state/lmdb.js';
import type { PostgresOptions, PostgresStateStore } from '../stores/state/postgres.js';
import type { StateStore } from '../stores/state/state-store.js';
import { dataPaths } from './stores.js';

/** Says that the state which belongs to a data directory's spool is on Postgres, and which it is. */
interface Mark {
  readonly id: string;
  /** For people. */
  readonly place: string;
}

/**
 * Opens the state store that is configured; waits for a Postgres that does not answer. The first start with one migrates
 * the state that the data directory has on LMDB, and leaves a mark there: the spool no longer has what that state has, so
 * another state beside it would be wrong without anybody noticing.
 * @throws HeadgateError `STATE_REFUSED`: it cannot be used, or is not the state of this data directory; `STATE_IN_USE`
 */
export async function openStateStore(
  { dataDir, state: place }: Pick<Config, 'dataDir' | 'state'>,
  options: PostgresOptions,
): Promise<StateStore> {
  const markPath = join(dataDir, 'state-on-postgres.json');
  const mark = existsSync(markPath) ? (JSON.parse(readFileSync(markPath, 'utf8')) as Mark) : undefined;
  const { state: directory } = dataPaths(dataDir);
  if (place === undefined) {
    if (mark !== undefined) throw elsewhere(mark, 'HEADGATE_STATE is not set', markPath);
    return openLmdbStateStore(directory);
  }
  // Only those load the client of Postgres who use it.
  const { openPostgresStateStore } = await import('../stores/state/postgres.js');
  const store = await openPostgresStateStore(place, options);
  try {
    if (mark !== undefined && mark.id !== store.id)
      throw elsewhere(mark, `${describePlace(place)} has another`, markPath);
    if (mark === undefined) {
      await takeAlong(directory, place, store, options);
      const made: Mark = { id: store.id, place: describePlace(place) };
      await writeDurably(markPath, (temporary) => writeFile(temporary, `${JSON.stringify(made)}\n`));
    }
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function elsewhere({ place }: Mark, found: string, markPath: string): HeadgateError {
  return new HeadgateError(
    'STATE_REFUSED',
    `The state of this data directory is in ${place}, and ${found}. Set HEADGATE_STATE to where it is. To go on without the aggregates, profiles and decisions it holds, delete ${markPath}.`,
  );
}

/** Subjects first and watermarks last: until those are there it has not been done, and is done again. */
async function takeAlong(
  directory: string,
  place: PostgresPlace,
  store: PostgresStateStore,
  { log }: PostgresOptions,
): Promise<void> {
  const state = existsSync(join(directory, 'data.mdb')) ? readLmdbState(directory) : undefined;
  if (state === undefined) return;
  try {
    const marks = [...state.watermarks];
    // After a crash behind the last step it is there already, or has gone on since.
    if (marks.every(([tenant, seq]) => store.watermark(tenant) >= seq)) return;
    if (store.highestWatermark() > 0)
      throw new HeadgateError(
        'STATE_REFUSED',
        `Both ${describePlace(place)} and ${directory} hold a state, and neither goes on from the other. Give this data directory a schema of its own by ?schema= in HEADGATE_STATE; or, to use the one on Postgres, move ${directory} away.`,
      );
    log.info('STATE_MOVING', { from: directory, to: describePlace(place) });
    let taken = 0;
    for (const subjects of state.subjects()) {
      await store.checkpoint({ subjects, watermarks: new Map() });
      taken += subjects.length;
    }
    await store.checkpoint({ subjects: [], watermarks: state.watermarks });
    log.info('STATE_MOVED', { subjects: taken });
  } finally {
    await state.close();
  }
}
