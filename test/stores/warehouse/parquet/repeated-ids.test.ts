import assert from 'node:assert/strict';
import { readdirSync, renameSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { EventRow } from '../../../../src/events/event.js';
import type { CompactionResult } from '../../../../src/stores/warehouse/parquet/compaction.js';
import { compactTenant } from '../../../../src/stores/warehouse/parquet/compaction.js';
import { testDuckDB } from '../../../support/duckdb.js';
import { rowsInFiles } from '../../../support/parquet.js';
import { batchId, decision, event, Fixture } from '../fixture.js';

const DAY = 24 * 60 * 60 * 1000;
const FIRST_DAY = Date.parse('2024-03-10');

describe('ids that come again, and the compaction', function () {
  this.timeout(60_000);
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
  });
  afterEach(() => fixture.close());

  const dayOf = (n: number): string => new Date(FIRST_DAY + n * DAY).toISOString().slice(0, 10);
  /** Loads events on a day counted from the first, the `second`th second of it. */
  const load = (day: number, second: number, rows: readonly EventRow[]) =>
    fixture.load(
      `load-${day}-${String(second).padStart(5, '0')}`,
      [fixture.batch(batchId(second, dayOf(day).replaceAll('-', '')), rows)],
      { day: dayOf(day), loadedAt: new Date(FIRST_DAY + day * DAY + second * 1000).toISOString() },
    );
  const input = () => ({ root: fixture.root, tenant: 'UA' });
  /** Compacts at a time, as if it were that time already; then removes what was replaced, unless it is to be kept. */
  async function compactAt(now: number, olderThanMs: number, keep = false): Promise<CompactionResult> {
    const result = await compactTenant({ ...input(), olderThanMs, graceMs: 0, now });
    if (keep) return result;
    for (const file of fixture.files())
      if (file.includes('~')) utimesSync(join(fixture.root, 'UA', file), now / 1000 - 1, now / 1000 - 1);
    await compactTenant({ ...input(), olderThanMs, graceMs: 0, now });
    return result;
  }
  /** Compacts the days before this one. */
  const compactBefore = (day: number, keep = false) => compactAt(FIRST_DAY + day * DAY, 0, keep);
  const shown = () => fixture.rows('SELECT id, load_id FROM events ORDER BY id');
  const copiesOf = (id: string) => `SELECT load_id FROM events WHERE id = '${id}'`;

  it('are shown as they were loaded first, whatever of them is compacted', async () => {
    await load(0, 1, [event('a'), event('b')]);
    await load(0, 2, [event('a')]);
    await load(1, 1, [event('a'), event('c')]);
    await load(2, 1, [event('c'), event('d'), event('d')]);
    const before = await shown();
    assert.deepEqual(before, [
      ['a', 'load-0-00001'],
      ['b', 'load-0-00001'],
      ['c', 'load-1-00001'],
      ['d', 'load-2-00001'],
    ]);
    for (const day of [1, 2, 3]) {
      await compactBefore(day);
      assert.deepEqual([day, await shown()], [day, before]);
    }
    // Every row is still there, and one of each id is not marked.
    const rows = await rowsInFiles(fixture.root, 'UA', 'events', 'id, _repeated');
    assert.equal(rows.length, 8);
    const firsts = rows.filter(([, repeated]) => repeated === false).map(([id]) => id);
    assert.deepEqual(firsts.sort(), ['a', 'b', 'c', 'd']);
  });

  it('of two sources are two events, whatever of them is compacted', async () => {
    const [berlin, paris] = [event('a'), event('a', { source: '/paris' })];
    await load(0, 1, [berlin, berlin]);
    await load(0, 2, [paris]);
    await load(1, 1, [paris, berlin]);
    const sources = () => fixture.rows('SELECT source, load_id FROM events ORDER BY 1');
    const expected = [
      ['/paris', 'load-0-00002'],
      ['/test', 'load-0-00001'],
    ];
    assert.deepEqual(await sources(), expected);
    for (const day of [1, 2]) {
      await compactBefore(day);
      assert.deepEqual(await sources(), expected);
    }
  });

  it('that a file of version 0.1.0 calls repeated, since their ids are, are shown again', async () => {
    await load(0, 1, [event('a')]);
    await load(0, 2, [event('a', { source: '/paris' })]);
    await compactBefore(1);
    const directory = join(fixture.root, 'UA', 'events', 'day=2024-03-10');
    const [name = ''] = readdirSync(directory);
    await marked(join(directory, name), join(directory, name.replace('~k', '~')));
    assert.deepEqual(await fixture.rows('SELECT count(*) FROM events'), [[2]]);
    await compactBefore(1);
    assert.match(readdirSync(directory).join(), /^~k[0-9a-f]{8}-[0-9a-f]{32}\.parquet$/);
    assert.deepEqual(await fixture.rows('SELECT count(*) FROM events'), [[2]]);
  });

  it("of decisions of version 0.1.0, which do not say their event's source, are shown beside new ones", async () => {
    const decided = (id: string) =>
      fixture.load(`w-${id}`, [fixture.batch(batchId(Number(id)), [decision(id)])], { stream: 'decisions' });
    const shownNow = () => fixture.rows('SELECT id, event_source FROM decisions ORDER BY id');
    await decided('1');
    const directory = join(fixture.root, 'UA', 'decisions', 'day=2024-03-10');
    await rewritten(
      join(directory, 'w-1.parquet'),
      join(directory, 'w-0.parquet'),
      '* EXCLUDE (event_source)',
    );
    assert.deepEqual(await shownNow(), [['1', null]]);
    await decided('2');
    const expected = [
      ['1', null],
      ['2', '/test'],
    ];
    assert.deepEqual(await shownNow(), expected);
    await compactBefore(1);
    assert.deepEqual(await shownNow(), expected);
  });

  it('that come with a load into an older day change nothing that is compacted', async () => {
    await load(1, 1, [event('a')]);
    await compactBefore(2);
    await load(0, 1, [event('a'), event('b')]);
    const both = [
      ['a', 'load-1-00001'],
      ['b', 'load-0-00001'],
    ];
    assert.deepEqual(await shown(), both);
    await compactBefore(2);
    assert.deepEqual(await shown(), both);
  });

  it('keep one row that is shown when files are compacted again and again, and are loaded meanwhile', async () => {
    const ids = 12;
    let random = 42;
    const next = (below: number): number => {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((random / 2_147_483_648) * below);
    };
    const loaded = new Set<string>();
    let rows = 0;
    for (let step = 1; step <= 40; step += 1) {
      const some = Array.from({ length: 1 + next(3) }, () => event(`e${next(ids)}`));
      await load(next(4), step, some);
      for (const { id } of some) loaded.add(id);
      rows += some.length;
      if (next(3) === 0) await compactBefore(1 + next(4), next(2) === 0);
      const now = await fixture.rows('SELECT id FROM events ORDER BY id');
      assert.deepEqual([step, now.flat()], [step, [...loaded].sort()]);
    }
    await compactBefore(4);
    const stored = await rowsInFiles(fixture.root, 'UA', 'events', 'id, _repeated');
    const firsts = stored.filter(([, repeated]) => repeated === false).map(([id]) => id);
    assert.deepEqual([stored.length, firsts.sort()], [rows, [...loaded].sort()]);
  });

  it('are the affair of one tenant: the same id in another is no copy', async () => {
    await fixture.put(1, [event('a')], 'events', 'DL');
    await compactTenant({ root: fixture.root, tenant: 'DL', olderThanMs: 0, graceMs: 0 });
    await load(0, 1, [event('a')]);
    await compactBefore(1);
    assert.deepEqual(await fixture.rows(copiesOf('a')), [['load-0-00001']]);
  });

  it('are found in files that an earlier version compacted, which are made anew', async () => {
    await load(0, 1, [event('a'), event('b')]);
    await load(0, 2, [event('a')]);
    await compactBefore(1);
    const directory = join(fixture.root, 'UA', 'events', 'day=2024-03-10');
    const [made = ''] = readdirSync(directory);
    await asEarlierVersion(join(directory, made), join(directory, `~${'0'.repeat(32)}.parquet`));
    await load(1, 1, [event('b'), event('c')]);
    const before = await shown();
    assert.deepEqual(before, [
      ['a', 'load-0-00001'],
      ['b', 'load-0-00001'],
      ['c', 'load-1-00001'],
    ]);
    await fixture.restart();
    const { alreadyHeld } = await load(0, 1, [event('a'), event('b')]).then(() => load(2, 1, []));
    assert.deepEqual(alreadyHeld, []);
    assert.deepEqual(await shown(), before);
    const { replaced } = await compactBefore(2, true);
    assert.equal(replaced, 2);
    assert.deepEqual(await shown(), before);
    await compactBefore(2);
    assert.deepEqual(await shown(), before);
    const remaining = readdirSync(directory);
    assert.match(remaining.join(), /^~k[0-9a-f]{8}-[0-9a-f]{32}\.parquet$/);
    const again = await load(0, 2, [event('a')]);
    assert.deepEqual(again.loaded, [batchId(2)]);
  });

  /** A compacted file as it was before rows said whether they repeat. */
  const asEarlierVersion = (path: string, old: string) => rewritten(path, old, '* EXCLUDE (_repeated)');
  /** A compacted file as version 0.1.0 has written it: a row repeats another of its id, whatever its source. */
  const marked = (path: string, old: string) =>
    rewritten(path, old, "* REPLACE (source = '/paris' AS _repeated)");

  async function rewritten(path: string, old: string, columns: string): Promise<void> {
    const connection = await testDuckDB();
    const metadata = await connection.runAndReadAll(
      `SELECT decode(key), decode(value) FROM parquet_kv_metadata('${path}') WHERE decode(key) IN ('batch_ids', 'parts', 'load_id')`,
    );
    const pairs = metadata.getRowsJS().map(([key, value]) => `${String(key)}: '${String(value)}'`);
    await connection.run(`COPY (SELECT ${columns} FROM read_parquet('${path}', hive_partitioning = false)) TO '${old}'
      (FORMAT parquet, KV_METADATA {${pairs.join()}})`);
    renameSync(old, path);
    renameSync(path, old);
  }

  describe('of a day under way', () => {
    /** Twenty loads, of which the last four are young. */
    beforeEach(async () => {
      for (let n = 1; n <= 20; n += 1) await load(0, n, [event(`e${n}`), event('again')]);
      const directory = join(fixture.root, 'UA', 'events', 'day=2024-03-10');
      for (const name of readdirSync(directory)) {
        const second = Number(/-(\d+)\.parquet$/.exec(name)?.[1]);
        const at = (FIRST_DAY + (second <= 16 ? 0 : HOUR)) / 1000;
        utimesSync(join(directory, name), at, at);
      }
    });
    const HOUR = 60 * 60 * 1000;
    const everything = () => fixture.rows('SELECT * FROM events ORDER BY id');
    const files = () => readdirSync(join(fixture.root, 'UA', 'events', 'day=2024-03-10')).length;

    it('the older files become one, then all of them when the day is over; no batch is loaded again', async () => {
      const before = await everything();
      const time = FIRST_DAY + HOUR;
      assert.equal((await compactAt(time - 1, HOUR)).replaced, 0);
      assert.equal((await compactAt(time, HOUR)).replaced, 16);
      assert.equal(files(), 5);
      assert.deepEqual(await everything(), before);
      // Four are too few for a file of their own.
      assert.equal((await compactAt(time + HOUR, HOUR)).replaced, 0);
      assert.deepEqual((await load(0, 3, [event('e3')])).loaded, [batchId(3)]);
      assert.equal((await compactAt(FIRST_DAY + DAY + HOUR, HOUR, true)).replaced, 5);
      assert.equal(files(), 6);
      assert.deepEqual(await everything(), before);
      await compactAt(FIRST_DAY + DAY + HOUR, HOUR);
      assert.equal(files(), 1);
      assert.deepEqual(await everything(), before);
      await fixture.restart();
      for (const n of [3, 20]) assert.deepEqual((await load(0, n, [event(`e${n}`)])).loaded, [batchId(n)]);
      assert.equal(files(), 1);
    });
  });

  it('cost a query of one day no look into the files of others', async () => {
    for (const day of [0, 1, 2, 3]) await load(day, 1, [event(`e${day}`)]);
    await compactBefore(3);
    const plan = async (where: string) =>
      String((await fixture.rows(`EXPLAIN ANALYZE SELECT count(*) FROM events WHERE ${where}`))[0]?.[1]);
    const scanned = async (where: string) => /Scanning Files: (\d+\/\d+)/.exec(await plan(where))?.[1];
    assert.deepEqual(await fixture.rows(`SELECT id FROM events WHERE day = '2024-03-11'`), [['e1']]);
    assert.equal(await scanned(`day = '2024-03-11'`), '1/3');
    assert.equal(await scanned(`day >= '2024-03-11'`), '2/3');
    assert.deepEqual(await fixture.rows(`SELECT id FROM events WHERE day >= '2024-03-12' ORDER BY id`), [
      ['e2'],
      ['e3'],
    ]);
  });
});
