import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { HeadgateError } from '../../errors.js';
import { faultPoint } from '../../platform/fault-point.js';
import type { Logger } from '../../platform/logger.js';
import { assertTenantId } from '../../tenants/ids.js';
import { stateErrorOf, unreadable } from './postgres-errors.js';
import { keptName } from './postgres-names.js';
import { connectionOf, describePlace, type PostgresPlace } from './postgres-place.js';
import { openSession, type StateSession } from './postgres-session.js';
import { checkpointValues, stateSql, type StateSql } from './postgres-sql.js';
import { readRecord } from './read-record.js';
import type { Checkpoint, StateStore, SubjectName, SubjectRecord } from './state-store.js';
import { SECOND_MS } from '../../platform/time.js';

/** How {@link openPostgresStateStore} goes about it. */
export interface PostgresOptions {
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Called when another process has taken the state over: what is in memory is not what is kept any more. */
  readonly onFatal: (reason: string) => void;
  /** How long another process may take to let go of the state at the start. Default 30 s: a machine that is gone is noticed in less. */
  readonly lockWaitMs?: number;
  /** Gives up waiting for a server that does not answer at the start. Default: waits for as long as that takes. */
  readonly signal?: AbortSignal;
}

const LOCK_WAIT_MS = 30 * SECOND_MS;
/** Reads take milliseconds; a request does not wait longer for them than this. */
const READ_MS = 5 * SECOND_MS;
/** Connections for reads; while they are busy, reads wait and go together. */
const READERS = 2;
/** After a failed attempt the next waits this long; who asks meanwhile gets the same answer. */
const REOPEN_MS = 500;
const START_RETRY_MS = 1 * SECOND_MS;

/** A state store on Postgres. */
export interface PostgresStateStore extends StateStore {
  /** Tells this state from all others; made with it. */
  readonly id: string;
}

/**
 * Opens the state store on Postgres, and waits for a server that does not answer.
 * @throws HeadgateError `STATE_REFUSED`: what has to be fixed is in its message; `STATE_IN_USE`: another process has it
 */
export async function openPostgresStateStore(
  place: PostgresPlace,
  options: PostgresOptions,
): Promise<PostgresStateStore> {
  const { log, signal, lockWaitMs = LOCK_WAIT_MS } = options;
  for (let said = ''; ;) {
    try {
      return new OwnedState(place, options, await openSession(place, lockWaitMs));
    } catch (error) {
      const reason = stateErrorOf(error, place);
      if (!reason.retryable || signal?.aborted === true) throw reason;
      if (reason.message !== said) log.warn('STATE_STORE_AWAITED', { reason: reason.message });
      said = reason.message;
      await delay(START_RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/**
 * The state on Postgres. Writes go over one connection, which holds the lock on the state for as long as it lives; reads
 * over others, so that no request waits behind a checkpoint. Every statement says which epoch it is of, and does nothing
 * in another.
 *
 * States: open (there is a session) → lost (its connection broke, or a checkpoint was not answered: whether that was
 * written is not known) → open again with a new session, which knows; or failed for good, when another process has been
 * the owner meanwhile or the database has gone back in time, since memory then is of another state than the store.
 */
class OwnedState implements PostgresStateStore {
  readonly id: string;
  private readonly watermarks: Map<string, number>;
  private readonly readers: pg.Pool;
  private readonly sql: StateSql;
  private opening: Promise<StateSession> | undefined;
  private failure: { readonly error: HeadgateError; readonly at: number } | undefined;
  private closed = false;

  constructor(
    private readonly place: PostgresPlace,
    private readonly options: PostgresOptions,
    private session: StateSession,
  ) {
    this.id = session.state;
    this.watermarks = new Map(session.watermarks);
    this.sql = stateSql(place.schema);
    this.readers = new pg.Pool({
      ...connectionOf(place),
      application_name: 'headgate state reads',
      max: READERS,
      connectionTimeoutMillis: READ_MS,
      statement_timeout: READ_MS,
      query_timeout: READ_MS + SECOND_MS,
      keepAlive: true,
    });
    // One that rests has broken: the pool makes another.
    this.readers.on('error', () => undefined);
  }

  watermark(tenant: string): number {
    return this.watermarks.get(assertTenantId(tenant)) ?? 0;
  }

  highestWatermark(): number {
    let highest = 0;
    for (const seq of this.watermarks.values()) highest = Math.max(highest, seq);
    return highest;
  }

  async subjects(names: readonly SubjectName[]): Promise<readonly (SubjectRecord | undefined)[]> {
    if (names.length === 0) return [];
    const tenants = names.map(({ tenant }) => assertTenantId(tenant)).join('\n');
    const subjects = names.map(({ subject }) => keptName(subject)).join('\n');
    try {
      const session = await this.owning();
      const values = [session.epoch, tenants, subjects];
      const { rows } = await this.readers.query<{ n: number; record: string | null }>({
        ...this.sql.read,
        values,
      });
      if (rows.length !== names.length) throw this.disowned(session);
      const records = new Array<SubjectRecord | undefined>(names.length);
      for (const { n, record } of rows) records[n - 1] = record === null ? undefined : readRecord(record);
      return records;
    } catch (error) {
      throw unreadable(stateErrorOf(error, this.place));
    }
  }

  async resync(): Promise<void> {
    await this.owning();
  }

  async checkpoint(checkpoint: Checkpoint): Promise<void> {
    faultPoint('checkpoint.before');
    const statements = checkpointValues(checkpoint);
    const session = await this.owning();
    try {
      await this.write(session, statements);
    } catch (error) {
      if (statements.length > 1 || !isUndone(error)) this.lose(session);
      throw stateErrorOf(error, this.place);
    }
    for (const [tenant, seq] of checkpoint.watermarks) this.watermarks.set(tenant, seq);
    faultPoint('checkpoint.after');
  }

  async forgetTenant(tenant: string): Promise<number> {
    const session = await this.owning();
    const values = [session.epoch, assertTenantId(tenant)];
    try {
      for (let all = 0; ;) {
        const { rows } = await session.client.query<{ owned: number; forgotten: number }>({
          ...this.sql.forget,
          values,
        });
        if (rows[0]?.owned !== 1) throw this.disowned(session);
        all += rows[0].forgotten;
        if (rows[0].forgotten > 0) continue;
        this.watermarks.delete(tenant);
        return all;
      }
    } catch (error) {
      throw stateErrorOf(error, this.place);
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const opening = this.opening?.catch(() => undefined);
    await Promise.all([this.readers.end(), this.session.end(), opening?.then((session) => session?.end())]);
  }

  /** One statement commits without a transaction: one round trip. */
  private async write(session: StateSession, statements: readonly (readonly string[])[]): Promise<void> {
    const { client, epoch } = session;
    if (statements.length > 1) await client.query('BEGIN');
    for (const values of statements) {
      const { rows } = await client.query<{ owned: number }>({
        ...this.sql.write,
        values: [epoch, ...values],
      });
      // Of a transaction nothing is committed by a connection that is given up.
      if (rows[0]?.owned !== 1) throw this.disowned(session);
    }
    if (statements.length > 1) await client.query('COMMIT');
  }

  /** The session, or a new one if it is lost. */
  private async owning(): Promise<StateSession> {
    if (this.closed) throw new HeadgateError('SHUTTING_DOWN', 'The state store is closed.');
    if (!this.session.lost) return this.session;
    const { failure } = this;
    if (failure !== undefined && (!failure.error.retryable || Date.now() < failure.at + REOPEN_MS))
      throw failure.error;
    this.opening ??= this.reopen().finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async reopen(): Promise<StateSession> {
    const before = this.failure?.error.message;
    try {
      const session = await openSession(this.place, 0);
      this.assertSameState(session);
      for (const [tenant, seq] of session.watermarks) this.watermarks.set(tenant, seq);
      this.session = session;
      this.failure = undefined;
      this.options.log.info('STATE_STORE_BACK');
      return session;
    } catch (error) {
      const reason = this.reasonOf(error);
      this.failure = { error: reason, at: Date.now() };
      if (reason.message !== before) this.options.log.error('STATE_STORE_FAILED', { reason: reason.message });
      throw reason;
    }
  }

  /** The lock that somebody holds may be that of the connection that broke, for a while. */
  private reasonOf(error: unknown): HeadgateError {
    const reason = stateErrorOf(error, this.place);
    if (reason.code !== 'STATE_IN_USE' || this.failure?.error === reason) return reason;
    if (reason.details?.epoch !== this.session.epoch) return this.fatal(reason.message);
    return new HeadgateError('STATE_UNAVAILABLE', reason.message, { retryable: true });
  }

  private assertSameState(session: StateSession): void {
    const other = session.state !== this.id || session.epoch !== this.session.epoch + 1;
    const behind = [...this.watermarks].some(([tenant, seq]) => (session.watermarks.get(tenant) ?? 0) < seq);
    if (!other && !behind) return;
    void session.end();
    const reason = behind
      ? 'it has gone back to an earlier time, as after a failover to a server that lagged behind or from a backup'
      : 'another process has been its owner meanwhile';
    throw this.fatal(`The state in ${describePlace(this.place)} is not what this process knows: ${reason}.`);
  }

  /** The epoch in the database is another: the process that has begun it is the owner now. */
  private disowned(session: StateSession): HeadgateError {
    // That may be this process itself, with a new connection.
    if (session !== this.session || this.opening !== undefined) return unreadable();
    this.lose(session);
    return this.fatal(`Another process has taken over the state in ${describePlace(this.place)}.`);
  }

  private fatal(message: string): HeadgateError {
    const error = new HeadgateError('STATE_IN_USE', message);
    this.failure = { error, at: Date.now() };
    this.options.onFatal(message);
    return error;
  }

  /** What came of a statement on the connection is not known, so it must be over before another begins. */
  private lose(session: StateSession): void {
    session.client.connection.stream.destroy();
    void session.end();
  }
}

/**
 * True when Postgres has said that it has done nothing. What it says when it is told to stop, or has failed itself, may come
 * after the commit.
 */
function isUndone(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(57P|58|XX|08)/.test(error.code ?? '');
}
