import assert from 'node:assert/strict';
import type { Engine } from '../../../src/stores/warehouse/engine.js';
import { createEngine } from '../../../src/stores/warehouse/engine.js';

describe("the warehouse's engine", function () {
  this.timeout(20_000);
  let engine: Engine;

  beforeEach(() => {
    engine = createEngine({});
  });
  afterEach(() => engine.close());

  const one = async (sql: string, signal?: AbortSignal): Promise<unknown> =>
    engine.use(async (connection) => (await connection.runAndReadAll(sql)).getRowsJS()[0]?.[0], signal);

  it('has a bounded memory, one thread, UTC, and fetches nothing', async () => {
    const setting = (name: string) => one(`SELECT current_setting('${name}')`);
    assert.equal(await setting('TimeZone'), 'UTC');
    assert.equal(await setting('memory_limit'), '488.2 MiB');
    assert.equal(String(await setting('threads')), '1');
    assert.equal(await setting('temp_directory'), '');
    assert.equal(await setting('autoinstall_known_extensions'), false);
  });

  it('lends a number of connections at a time, and again after a failure', async () => {
    await engine.close();
    engine = createEngine({ connections: 2 });
    let [now, most] = [0, 0];
    const work = (fail: boolean) =>
      engine.use(async (connection) => {
        most = Math.max(most, (now += 1));
        await connection.run('SELECT count(*) FROM range(1000000)');
        now -= 1;
        if (fail) throw new Error('work failed');
      });
    const results = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => work(n % 3 === 0)));
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 3);
    assert.equal(most, 2);
    assert.equal(Number(await one('SELECT connections FROM duckdb_connection_count() AS t(connections)')), 2);
  });

  it('interrupts what runs when the signal aborts, and the connection is good for the next', async () => {
    const reason = new Error('no longer wanted');
    const aborted = new AbortController();
    await one('SELECT 1');
    setTimeout(() => aborted.abort(reason), 50);
    const endless =
      'SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE hash(a.range, b.range) = 1';
    await assert.rejects(one(endless, aborted.signal), reason);
    assert.equal(await one('SELECT 1'), 1);
  });

  it('notices an abort that came while it was opening', async () => {
    const aborted = new AbortController();
    let worked = false;
    const using = engine.use(async () => (worked = true), aborted.signal);
    await Promise.resolve();
    aborted.abort(new Error('too late'));
    await assert.rejects(using, /too late/);
    assert.equal(worked, false);
  });

  it('opens anew after a connection could not be made', async () => {
    const broken = createEngine({ memoryLimit: 'lots' });
    await assert.rejects(broken.use(async () => undefined));
    await assert.rejects(
      broken.use(async () => undefined),
      /config/,
    );
    await broken.close();
  });
});
