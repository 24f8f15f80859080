import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './free-port.js';

const run = promisify(execFile);

/** Where Debian and Ubuntu put the programs of each version. */
const DEBIAN = '/usr/lib/postgresql';
/** Who runs the server where this process is root, which Postgres refuses. */
const USERS = ['postgres', 'nobody'];
const READY_WITHIN_MS = 60_000;

/** Who comes in: everyone from this machine, but by a password those who have the role `with_password`. */
const HBA = `
host all +with_password 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
`;

/** A Postgres server of its own, with its files in a temporary directory; clients come in by TCP as `headgate`, who may do everything. */
export interface PostgresServer {
  readonly port: number;
  /** The process that all others of the server are children of; undefined while it is stopped. */
  readonly pid: number | undefined;
  /** `postgres://headgate@127.0.0.1:<port>/<database>`. */
  url(database?: string): string;
  /** Starts it again after {@link PostgresServer.crash}, on the same port. */
  start(): Promise<void>;
  /** Stops it as `pg_ctl stop -m immediate` does: it recovers at the next start, as after a crash. */
  crash(): Promise<void>;
  /** Makes it the owner of a directory. */
  give(directory: string): void;
  /** Stops it in order and removes its files. */
  remove(): Promise<void>;
}

/**
 * The directory with `initdb` and `postgres`: the one given, the newest of Debian's, or one in the `PATH`; undefined where
 * there is none.
 */
export function findPostgres(given = process.env.HEADGATE_TEST_POSTGRES): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...versions.map((version) => join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  const isComplete = (place: string): boolean =>
    ['initdb', 'postgres'].every((program) => existsSync(join(place, program)));
  return given === undefined || given === '' ? places.find(isComplete) : given;
}

/**
 * Makes a server and starts it.
 * @param programs the directory of {@link findPostgres}
 * @param settings of `postgresql.conf`
 */
export async function startPostgres(
  programs: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'headgate-postgres-'));
  const user = unprivileged();
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  const port = await freePort();
  let server: ChildProcess | undefined;
  const init = ['-D', data, '-U', 'headgate', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
  await run(join(programs, 'initdb'), init, { cwd: directory, ...user });
  writeFileSync(join(data, 'pg_hba.conf'), HBA);

  const url = (database = 'postgres'): string => `postgres://headgate@127.0.0.1:${port}/${database}`;
  const start = async (): Promise<void> => {
    const all = { listen_addresses: '127.0.0.1', unix_socket_directories: directory, ...settings };
    const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    server = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), ...options], {
      cwd: directory,
      stdio: 'ignore',
      ...user,
    });
    await answers(url(), server);
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
    server = undefined;
  };
  await start();
  return {
    port,
    url,
    start,
    get pid() {
      return server?.pid;
    },
    crash: () => stop('SIGQUIT'),
    give: (given) => {
      if (user !== undefined) chownSync(given, user.uid, user.gid);
    },
    remove: async () => {
      await stop('SIGINT');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (user: string, option: string): number =>
    Number(execFileSync('id', [option, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  for (const user of USERS) {
    try {
      return { uid: idOf(user, '-u'), gid: idOf(user, '-g') };
    } catch {
      // There is no such user; the next one.
    }
  }
  throw new Error(`Postgres does not run as root, and there is no user ${USERS.join(' or ')}.`);
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (server.exitCode !== null || performance.now() > deadline)
        throw new Error('Postgres has not started', { cause: error });
      await new Promise((again) => setTimeout(again, 50));
    }
  }
}
