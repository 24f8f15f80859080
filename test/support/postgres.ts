import { randomBytes } from 'node:crypto';
import { findPostgres, startPostgres, type PostgresServer } from '../../bench/system/postgres.js';
import { parsePostgresUrl, type PostgresPlace } from '../../src/stores/state/postgres-place.js';

/** Durable over everything but the end of the machine, which no test brings about; and several times as fast. */
const SETTINGS = { fsync: 'off' };
/** A server is made in seconds. */
const START_MS = 60_000;

/**
 * A Postgres of the suite's own, from before its first test to after its last. Without an installation the suite is
 * skipped, which is said; in CI it fails.
 */
export function usePostgres(): () => PostgresServer {
  let server: PostgresServer | undefined;
  before(async function () {
    this.timeout(START_MS);
    const programs = findPostgres();
    if (programs === undefined && process.env.CI !== undefined)
      throw new Error('CI has no Postgres; install it (Debian: postgresql).');
    if (programs === undefined) {
      console.log(
        '      skipped: Postgres is not installed; install it (Debian: postgresql), or set HEADGATE_TEST_POSTGRES to the directory of its initdb',
      );
      return this.skip();
    }
    server = await startPostgres(programs, SETTINGS);
  });
  after(() => server?.remove());
  return () => server as PostgresServer;
}

/** The URL of a state of its own on a server. */
export function newStateUrl(server: PostgresServer): string {
  return `${server.url()}?schema=s${randomBytes(8).toString('hex')}`;
}

/** What a URL says. */
export function placeOf(url: string): PostgresPlace {
  const place = parsePostgresUrl(url);
  if ('problem' in place) throw new Error(place.problem);
  return place;
}
