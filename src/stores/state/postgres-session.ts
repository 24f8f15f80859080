import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { HeadgateError } from '../../errors.js';
import { connectionOf, type PostgresPlace } from './postgres-place.js';
import { migrate } from './postgres-migrations.js';

const SECOND = 1_000;
/** How long a server may take to accept a connection. */
const CONNECT_MS = 5 * SECOND;
/** The longest statement, a large checkpoint: the server gives it up, and if it does not say so, we do. */
const STATEMENT_MS = 60 * SECOND;
const NO_ANSWER_MS = STATEMENT_MS + 5 * SECOND;
const LOCK_RETRY_MS = 250;
const END_MS = 2 * SECOND;
/** As `server_version_num` has it. */
const OLDEST_SERVER = 120_000;

/**
 * What the lock's connection needs of the server. A process whose machine is gone must not hold the lock for the hours that
 * TCP takes to notice, a connection that rests must not be cut, and a commit must be on disk when it says so.
 */
const SETTINGS = `
  SELECT set_config(wanted.name, wanted.value, false)
  FROM (VALUES ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'),
               ('idle_session_timeout', '0'), ('synchronous_commit', 'on')) AS wanted(name, value)
  JOIN pg_settings AS present USING (name)
  WHERE present.name <> 'synchronous_commit' OR present.setting = 'off'`;

/** The right to write the state: a connection that holds its lock, from its opening to its loss. */
export interface StateSession {
  readonly client: pg.Client;
  /** Which holder of the lock this is, counted from 1. */
  readonly epoch: number;
  /** Tells this state from all others; made with it. */
  readonly state: string;
  /** The watermarks, as they were when it began. */
  readonly watermarks: ReadonlyMap<string, number>;
  /** The connection is gone, and with it the lock. */
  readonly lost: boolean;
  /** Gives the lock up. */
  end(): Promise<void>;
}

/**
 * Connects, takes the lock, brings the tables up to date and begins a new epoch. Postgres lets go of the lock when the
 * backend that has it ends, and a backend ends its statement first: what an earlier holder has begun to write is over
 * then. The epoch is the second net, for servers that are failed over and for poolers between.
 * @param lockWaitMs how long another holder may take to be gone: one that was killed takes a moment
 * @throws HeadgateError `STATE_IN_USE`, `STATE_REFUSED`; or what pg says
 */
export async function openSession(place: PostgresPlace, lockWaitMs: number): Promise<StateSession> {
  const client = new pg.Client({
    ...connectionOf(place),
    application_name: 'headgate state',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10 * SECOND,
    statement_timeout: STATEMENT_MS,
    query_timeout: NO_ANSWER_MS,
  });
  let lost = false;
  // Without a listener it would end the process; who uses the connection next is told as well.
  client.on('error', () => (lost = true));
  client.on('end', () => (lost = true));
  try {
    await client.connect();
    await assertUsable(client, place);
    await client.query(SETTINGS);
    await takeLock(client, place, lockWaitMs);
    await migrate(client, place);
    const { epoch, state } = await beginEpoch(client, place);
    const watermarks = await readWatermarks(client, place);
    return {
      client,
      epoch,
      state,
      watermarks,
      get lost() {
        return lost;
      },
      end: () => end(client),
    };
  } catch (error) {
    await end(client);
    throw error;
  }
}

/**
 * Asserts that text comes back as it was, and that the SQL used here is understood.
 * @throws HeadgateError `STATE_REFUSED`
 */
export async function assertUsable(client: pg.Client, { database }: PostgresPlace): Promise<void> {
  const { rows } = await client.query<{ encoding: string; version: number }>(
    `SELECT current_setting('server_encoding') AS encoding, current_setting('server_version_num')::int AS version`,
  );
  const { encoding = '', version = 0 } = rows[0] ?? {};
  if (version < OLDEST_SERVER)
    throw new HeadgateError('STATE_REFUSED', `The state needs Postgres 12 or newer, this is ${version}.`);
  if (encoding === 'UTF8') return;
  throw new HeadgateError(
    'STATE_REFUSED',
    `The database "${database}" has the encoding ${encoding}, and the state needs UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.`,
  );
}

async function takeLock(client: pg.Client, place: PostgresPlace, waitMs: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  const key = `headgate state ${place.schema}`;
  for (;;) {
    const { rows } = await client.query<{ got: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS got',
      [key],
    );
    if (rows[0]?.got === true) return;
    if (Date.now() >= deadline) break;
    await delay(LOCK_RETRY_MS);
  }
  const { holder, epoch } = await holderOf(client, place);
  throw new HeadgateError(
    'STATE_IN_USE',
    `The state in the schema ${place.schema} is in use by another process (${holder}). One process at a time decides on it: stop that one, or give this one a schema of its own by ?schema= in HEADGATE_STATE.`,
    { details: { epoch } },
  );
}

/** Who has said last that it is the owner; of a state that is just being made nobody has. */
async function holderOf(
  client: pg.Client,
  { schema }: PostgresPlace,
): Promise<{ holder: string; epoch?: number }> {
  try {
    const { rows } = await client.query<{ holder: string; since: Date; epoch: string }>(
      `SELECT holder, since, epoch FROM "${schema}".owner`,
    );
    const [found] = rows;
    if (found === undefined) return { holder: 'not known' };
    return { holder: `${found.holder}, since ${found.since.toISOString()}`, epoch: Number(found.epoch) };
  } catch {
    return { holder: 'not known' };
  }
}

/** Waits for a checkpoint of an earlier epoch that is under way; a later one finds that it is over. */
async function beginEpoch(
  client: pg.Client,
  { schema }: PostgresPlace,
): Promise<Pick<StateSession, 'epoch' | 'state'>> {
  const holder = `process ${process.pid} on ${hostname()}`;
  const { rows } = await client.query<{ epoch: string; state: string }>(
    `UPDATE "${schema}".owner SET epoch = epoch + 1, holder = $1, since = now() RETURNING epoch, state`,
    [holder],
  );
  const [{ epoch, state } = { epoch: '', state: '' }] = rows;
  return { epoch: Number(epoch), state };
}

async function readWatermarks(
  client: pg.Client,
  { schema }: PostgresPlace,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ tenant: string; seq: string }>(
    `SELECT tenant, seq FROM "${schema}".watermarks`,
  );
  return new Map(rows.map(({ tenant, seq }) => [tenant, Number(seq)]));
}

/** A server that does not answer is not waited for. */
async function end(client: pg.Client): Promise<void> {
  const timer = setTimeout(() => client.connection.stream.destroy(), END_MS);
  await client.end().catch(() => undefined);
  clearTimeout(timer);
}
