import assert from 'node:assert/strict';
import pg from 'pg';
import { createLogger } from '../../../src/platform/logger.js';
import { openPostgresStateStore } from '../../../src/stores/state/postgres.js';
import type { StateStore } from '../../../src/stores/state/state-store.js';
import { layWire, type Wire } from '../../support/cut-wire.js';
import { newStateUrl, placeOf, usePostgres } from '../../support/postgres.js';
import { mountSmallDisk, newMountPoint, skipWithoutMounts } from '../../support/small-disk.js';
import { subjectIn } from '../../support/state-stores.js';
import { until } from '../../support/until.js';

const SOON_MS = 10_000;

describe('the owner of a state on Postgres', function () {
  this.timeout(30_000);
  const server = usePostgres();
  let admin: pg.Client;
  let url: string;
  let schema: string;
  let open: StateStore[];
  let fatal: string[];

  beforeEach(async () => {
    url = newStateUrl(server());
    ({ schema } = placeOf(url));
    open = [];
    fatal = [];
    admin = new pg.Client({ connectionString: server().url() });
    admin.on('error', () => undefined);
    await admin.connect();
  });
  afterEach(async () => {
    await Promise.all(open.map((store) => store.close()));
    await admin.end();
  });

  async function openStore(at = url): Promise<StateStore> {
    const store = await openPostgresStateStore(placeOf(at), {
      log: createLogger('silent'),
      onFatal: (reason) => fatal.push(reason),
      lockWaitMs: 0,
    });
    open.push(store);
    return store;
  }

  /** A checkpoint that says `n` of the subject `s1`, and as watermark. */
  function write(store: StateStore, n: number, subject = 's1'): Promise<void> {
    const json = JSON.stringify({
      profile: { values: { n }, times: {} },
      state: { aggregates: {} },
      decisions: {},
    });
    return store.checkpoint({
      subjects: [{ tenant: 'UA', subject, json }],
      watermarks: new Map([['UA', n]]),
    });
  }

  const numberIn = async (store: StateStore): Promise<unknown> =>
    (await subjectIn(store, 'UA', 's1'))?.profile?.values.n;

  /** What the tables have, no matter who asks. */
  async function inTables(): Promise<unknown[]> {
    const { rows } = await admin.query<{ n: number; seq: string }>(
      `SELECT (SELECT (record::json #>> '{profile,values,n}')::int FROM ${schema}.subjects WHERE subject = 's1') AS n,
              (SELECT seq FROM ${schema}.watermarks) AS seq`,
    );
    return [rows[0]?.n, Number(rows[0]?.seq)];
  }

  it('is one process: a second is refused, and told which has it and what to do', async () => {
    const first = await openStore();
    await assert.rejects(openStore(), {
      code: 'STATE_IN_USE',
      message: new RegExp(`process ${process.pid} on .*\\?schema=`),
    });
    await write(first, 1);
    await first.close();
    assert.equal((await openStore()).watermark('UA'), 1);
  });

  it('is another process for another schema', async () => {
    await write(await openStore(), 1);
    assert.equal((await openStore(newStateUrl(server()))).watermark('UA'), 0);
  });

  it('is one of many that begin at once on an empty database', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => openStore()));
    const codes = outcomes.map((each) =>
      each.status === 'fulfilled' ? 'open' : (each.reason as { code: string }).code,
    );
    assert.deepEqual(codes.sort(), ['STATE_IN_USE', 'STATE_IN_USE', 'STATE_IN_USE', 'open']);
  });

  it('goes on when the server has crashed and is back, and has lost nothing that it was told is kept', async () => {
    const store = await openStore();
    await write(store, 1);
    await server().crash();
    await assert.rejects(write(store, 2), { code: 'STATE_UNAVAILABLE', retryable: true });
    await assert.rejects(numberIn(store), {
      code: 'STATE_UNAVAILABLE',
      retryable: true,
      retryAfterSeconds: 2,
      message: 'The state cannot be read at the moment.',
    });
    assert.equal(store.watermark('UA'), 1);
    await server().start();
    assert.equal(await until(() => numberIn(store), SOON_MS), 1);
    await until(() => write(store, 3), SOON_MS);
    assert.deepEqual([await numberIn(store), store.watermark('UA')], [3, 3]);
    assert.deepEqual(fatal, []);
  });

  it('goes on when its connection alone was ended', async () => {
    const store = await openStore();
    await write(store, 1);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'headgate state%'`,
    );
    await until(() => write(store, 2), SOON_MS);
    assert.deepEqual([await numberIn(store), fatal], [2, []]);
  });

  describe('that hears no answer', () => {
    let wire: Wire;
    let store: StateStore;

    beforeEach(async () => {
      wire = await layWire(server().port);
      store = await openStore(url.replace(`:${server().port}/`, `:${wire.port}/`));
      await write(store, 1);
    });
    afterEach(() => wire.close());

    it('knows after a resync that a checkpoint was written of which it was not told', async () => {
      wire.deafen();
      const writing = write(store, 2);
      writing.catch(() => undefined);
      await until(async () => assert.deepEqual(await inTables(), [2, 2]), SOON_MS);
      wire.cut();
      await assert.rejects(writing, { code: 'STATE_UNAVAILABLE' });
      assert.equal(store.watermark('UA'), 1, 'it cannot know');
      await until(() => store.resync(), SOON_MS);
      assert.deepEqual([store.watermark('UA'), await numberIn(store)], [2, 2]);
    });

    it('knows after a resync that a checkpoint was not written, and none of it comes later', async () => {
      await admin.query('BEGIN');
      await admin.query(`LOCK TABLE ${schema}.subjects`);
      const writing = write(store, 2);
      writing.catch(() => undefined);
      await until(async () => {
        const { rows } = await admin.query(`SELECT FROM pg_locks WHERE NOT granted`);
        assert.equal(rows.length, 1);
      }, SOON_MS);
      wire.cut();
      await assert.rejects(writing, { code: 'STATE_UNAVAILABLE' });
      // As long as the server works at it, nobody owns the state.
      await assert.rejects(store.resync(), { code: 'STATE_UNAVAILABLE' });
      await admin.query('COMMIT');
      await until(() => store.resync(), SOON_MS);
      const seen = [store.watermark('UA'), await numberIn(store)];
      assert.deepEqual(seen, (await inTables()).reverse());
      await write(store, 3);
      assert.deepEqual(await inTables(), [3, 3]);
      assert.deepEqual(fatal, []);
    });
  });

  it('writes nothing, reads nothing and says so once another process has begun an epoch', async () => {
    const store = await openStore();
    await write(store, 1);
    // As behind a pooler, or on a server that took over: both believe that they have the lock.
    await admin.query(`UPDATE ${schema}.owner SET epoch = epoch + 1, holder = 'another'`);
    await assert.rejects(write(store, 2), { code: 'STATE_IN_USE', retryable: false });
    await assert.rejects(numberIn(store), { code: 'STATE_UNAVAILABLE' });
    await assert.rejects(write(store, 3), { code: 'STATE_IN_USE' });
    assert.deepEqual(await inTables(), [1, 1]);
    assert.match(fatal[0] ?? '', /Another process has taken over/);
  });

  it('writes nothing any more when another process was the owner while it was cut off', async () => {
    const wire = await layWire(server().port);
    const first = await openStore(url.replace(`:${server().port}/`, `:${wire.port}/`));
    await write(first, 1);
    wire.cut();
    const second = await until(() => openStore(), SOON_MS);
    await write(second, 2);
    await until(() => assert.rejects(write(first, 3), { code: 'STATE_IN_USE' }), SOON_MS);
    await second.close();
    await assert.rejects(write(first, 3), { code: 'STATE_IN_USE' });
    assert.deepEqual(await inTables(), [2, 2]);
    assert.ok(fatal.length > 0);
    await wire.close();
  });

  it('does not go on with a database that has gone back in time', async () => {
    const store = await openStore();
    await write(store, 5);
    await admin.query(`UPDATE ${schema}.watermarks SET seq = 4`);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headgate state'`,
    );
    await until(() => assert.rejects(write(store, 6), { code: 'STATE_IN_USE' }), SOON_MS);
    assert.match(fatal.join(), /gone back/);
    assert.deepEqual(await inTables(), [5, 4]);
  });

  it('hears that the disk is full, keeps nothing of that checkpoint, and writes the next when there is room', async function () {
    skipWithoutMounts(this);
    const disk = mountSmallDisk(newMountPoint(), 8);
    try {
      server().give(disk.path);
      const store = await openStore();
      await write(store, 1);
      await admin.query(`CREATE TABLESPACE small LOCATION '${disk.path}'`);
      await admin.query(`ALTER TABLE ${schema}.subjects SET TABLESPACE small`);
      disk.fill();
      // Not compressible: it is to need the room.
      const noise = Array.from({ length: 40_000 }, () => Math.random());
      const large = (n: number): Promise<void> =>
        store.checkpoint({
          subjects: [{ tenant: 'UA', subject: `large${n}`, json: JSON.stringify({ noise }) }],
          watermarks: new Map([['UA', n]]),
        });
      await assert.rejects(large(2), { code: 'DISK_FULL', retryable: true });
      assert.deepEqual([await numberIn(store), store.watermark('UA')], [1, 1]);
      disk.makeRoom();
      await large(3);
      assert.equal(store.watermark('UA'), 3);
      await admin.query(`DROP SCHEMA ${schema} CASCADE`);
      await admin.query('DROP TABLESPACE small');
    } finally {
      disk.unmount();
    }
  });
});
