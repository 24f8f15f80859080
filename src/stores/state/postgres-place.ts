import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';

/** A Postgres database, and the schema in it where the state is. */
export interface PostgresPlace {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  /** `[a-z_][a-z0-9_]{0,62}`, so that it needs no escape in SQL. */
  readonly schema: string;
  /** As libpq has it: `require` encrypts, `verify-full` also checks who the server is. */
  readonly sslmode: 'disable' | 'require' | 'verify-full';
  /** Path of the certificates that `verify-full` trusts, in place of Node's. */
  readonly sslrootcert?: string;
}

const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;
const SSL_MODES = ['disable', 'require', 'verify-full'] as const;
const PARAMETERS: ReadonlySet<string> = new Set(['host', 'schema', 'sslmode', 'sslrootcert']);
const DEFAULT_SCHEMA = 'headgate';
const DEFAULT_PORT = 5432;

/**
 * Reads `postgres://user[:password]@host[:port]/database[?schema=…&sslmode=…&sslrootcert=…]`; `?host=/directory` names the
 * directory of a Unix socket.
 * @param password of a URL that has none
 * @returns what is wrong with it, in words that do not hold the URL, which may have a password in it
 */
export function parsePostgresUrl(text: string, password?: string): PostgresPlace | { problem: string } {
  const form = 'must be a URL such as postgres://user@host:5432/database';
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return { problem: form };
  const url = new URL(text);
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.has(name));
  if (unknown !== undefined)
    return { problem: `takes the parameters ${[...PARAMETERS].join(', ')}, and no others` };
  const decoded = partsOf(url);
  if (decoded === undefined) return { problem: form };
  const { host, user, database } = decoded;
  if (host === '' || user === '' || database === '')
    return { problem: `${form}: host, user and database are needed` };
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  if (!SCHEMA.test(schema))
    return { problem: 'must name a schema of at most 63 of a-z, 0-9 and _ that does not begin with a digit' };
  const mode = url.searchParams.get('sslmode') ?? 'disable';
  const sslmode = SSL_MODES.find((each) => each === mode);
  if (sslmode === undefined) return { problem: `must have one of ${SSL_MODES.join(', ')} as sslmode` };
  return {
    host,
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    database,
    user,
    password: decoded.password === '' ? password : decoded.password,
    schema,
    sslmode,
    sslrootcert: url.searchParams.get('sslrootcert') ?? undefined,
  };
}

/** The place as a URL, without the password: for logs and messages. */
export function describePlace({ host, port, database, user, schema }: PostgresPlace): string {
  const where = host.startsWith('/') ? `:${port}/${database}?host=${host}&` : `${host}:${port}/${database}?`;
  return `postgres://${encodeURIComponent(user)}@${where}schema=${schema}`;
}

/** The place as `pg` has it. Everything is said, since it takes what is not from the environment. */
export function connectionOf(place: PostgresPlace): ClientConfig {
  const { host, port, database, user, password, sslmode, sslrootcert } = place;
  return {
    host,
    port,
    database,
    user,
    password,
    ssl: sslmode !== 'disable' && {
      rejectUnauthorized: sslmode === 'verify-full',
      ca: sslrootcert === undefined ? undefined : readFileSync(sslrootcert, 'utf8'),
    },
  };
}

function partsOf(url: URL): Pick<PostgresPlace, 'host' | 'user' | 'database' | 'password'> | undefined {
  try {
    const inBrackets = /^\[(.*)\]$/.exec(url.hostname)?.[1];
    return {
      host: url.searchParams.get('host') ?? inBrackets ?? decodeURIComponent(url.hostname),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)),
    };
  } catch {
    // A percent sign that begins no escape.
    return undefined;
  }
}
