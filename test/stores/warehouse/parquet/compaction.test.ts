import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError } from '../../../../src/errors.js';
import type {
  CompactionInput,
  CompactionResult,
} from '../../../../src/stores/warehouse/parquet/compaction.js';
import { compactTenant } from '../../../../src/stores/warehouse/parquet/compaction.js';
import { rowsInFiles } from '../../../support/parquet.js';
import { batchId, decision, event, Fixture } from '../fixture.js';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

/** Three loads of events and properties, ids that come twice, and properties whose order in their batch counts. */
async function loadAll(fixture: Fixture): Promise<void> {
  for (const n of [1, 2, 3]) {
    await fixture.put(n, [event(`e${n}`), event('again', { data: `copy ${n}` })]);
    const properties = ['x', 'y', 'z'].map((value, i) =>
      event(`p${n}${i}`, { data: { value, [`k${n}`]: i } }),
    );
    await fixture.put(n + 10, properties, 'user-properties');
  }
  await fixture.put(20, [decision('d')], 'decisions');
}

describe("a compaction of a tenant's warehouse", function () {
  this.timeout(30_000);
  let fixture: Fixture;
  /** What most tests begin with; it is loaded once, and each has a copy. */
  let original: Fixture;

  before(() => {
    original = new Fixture();
    return loadAll(original);
  });
  after(() => original.close());
  beforeEach(() => {
    fixture = new Fixture();
  });
  afterEach(() => fixture.close());

  const putAll = (): void =>
    cpSync(original.root, fixture.root, { recursive: true, preserveTimestamps: true });

  const compact = (more: Partial<CompactionInput> = {}) =>
    compactTenant({ root: fixture.root, tenant: 'UA', olderThanMs: DAY, graceMs: HOUR, ...more });
  /** As if an hour had passed: the time of a compacted file is when it was made. */
  const removeAfterGrace = () => compact({ now: Date.now() + HOUR + 1000 });
  /** A result without its bytes, which are DuckDB's affair. */
  const counts = ({ written, replaced, removed, kept }: CompactionResult) => ({
    written,
    replaced,
    removed,
    kept,
  });
  const dayFiles = (table = 'events', tenant = 'UA'): string[] =>
    readdirSync(join(fixture.root, tenant, table, 'day=2024-03-10')).sort();
  const everything = async () => [
    await fixture.rows('SELECT * FROM events ORDER BY id'),
    await fixture.rows('SELECT * FROM user_properties_latest ORDER BY subject'),
    await fixture.rows('SELECT * FROM decisions ORDER BY id'),
  ];

  it('changes no row of any view, before and after what it replaced is removed', async () => {
    putAll();
    const before = await everything();
    assert.deepEqual(counts(await compact()), { written: 3, replaced: 7, removed: 0, kept: 7 });
    assert.deepEqual(await everything(), before);
    assert.deepEqual(counts(await removeAfterGrace()), { written: 0, replaced: 0, removed: 7, kept: 0 });
    assert.deepEqual(await everything(), before);
    assert.match(dayFiles().join(), /^~k[0-9a-f]{8}-[0-9a-f]{32}\.parquet$/);
    // A file that is alone is made anew, so that its rows say whether they repeat.
    assert.match(dayFiles('decisions').join(), /^~k[0-9a-f]{8}-[0-9a-f]{32}\.parquet$/);
    const ids = await rowsInFiles(fixture.root, 'UA', 'events', 'id');
    assert.deepEqual(ids.flat().sort(), ['again', 'again', 'again', 'e1', 'e2', 'e3']);
  });

  it('is done once: a second one changes nothing', async () => {
    putAll();
    await compact();
    const files = fixture.files();
    assert.deepEqual(counts(await compact()), { written: 0, replaced: 0, removed: 0, kept: 7 });
    assert.deepEqual(fixture.files(), files);
  });

  it('leaves days alone that are not old enough, and other tenants', async () => {
    putAll();
    await fixture.put(1, [event('a')], 'events', 'DL');
    await fixture.put(2, [event('b')], 'events', 'DL');
    const dayAfter = Date.parse('2024-03-11T00:00:00Z');
    assert.equal((await compact({ now: dayAfter + DAY - 1 })).written, 0);
    assert.equal((await compact({ now: dayAfter + DAY })).written, 3);
    assert.deepEqual(dayFiles('events', 'DL'), ['load-1.parquet', 'load-2.parquet']);
    await assert.rejects(
      compact({ tenant: '../DL' }),
      (error) => error instanceof HeadgateError && error.code === 'TENANT_ID_INVALID',
    );
    const none = await compact({ tenant: 'none' });
    assert.deepEqual(counts(none), { written: 0, replaced: 0, removed: 0, kept: 0 });
  });

  for (const state of ['kept', 'removed'] as const) {
    describe(`lets no batch be loaded again, the replaced files being ${state}:`, () => {
      beforeEach(async () => {
        putAll();
        await compact();
        if (state === 'removed') await removeAfterGrace();
      });

      it('a retry of the load gets the answer of before', async () => {
        const retried = await fixture.put(1, [event('e1'), event('again', { data: 'copy 1' })]);
        assert.deepEqual(
          { ...retried, bytes: retried.bytes > 0 },
          {
            loadId: 'load-1',
            rows: 2,
            bytes: true,
            loaded: [batchId(1)],
            alreadyHeld: [],
            file: 'events/day=2024-03-10/load-1.parquet',
          },
        );
      });

      it('another load is told that it is held', async () => {
        const batch = fixture.batch(batchId(2), [event('e2')]);
        const { loaded, alreadyHeld } = await fixture.load('other', [batch]);
        assert.deepEqual([loaded, alreadyHeld], [[], [batchId(2)]]);
      });

      it('a load of the same name with more batches takes another name, and keeps its file', async () => {
        const files = dayFiles().length;
        const batch = fixture.batch(batchId(9), [event('late')]);
        const { file } = await fixture.load('load-1', [batch]);
        assert.equal(file, 'events/day=2024-03-10/load-1~2.parquet');
        await removeAfterGrace();
        assert.deepEqual(await fixture.rows(`SELECT id FROM events WHERE id = 'late'`), [['late']]);
        assert.equal(dayFiles().length, 1, `of ${files} files and one more`);
      });
    });
  }

  it('joins what is loaded into an old day later to what is there', async () => {
    // Loads go on in the process that has made the first.
    await loadAll(fixture);
    await compact();
    await removeAfterGrace();
    await fixture.put(4, [event('e4')]);
    await fixture.put(5, [event('e5')]);
    const before = await everything();
    assert.equal((await compact()).replaced, 3);
    assert.deepEqual(await everything(), before);
    assert.equal((await removeAfterGrace()).removed, 3);
    assert.deepEqual(await everything(), before);
    assert.equal(dayFiles().length, 1);
  });

  it('is not disturbed by loads, nor they by it', async () => {
    await loadAll(fixture);
    const loads = [30, 31, 32, 33, 34].map((n) => fixture.put(n, [event(`n${n}`)]));
    const [, ...loaded] = await Promise.all([compact({ graceMs: 0 }), ...loads]);
    assert.deepEqual(
      loaded.map(({ rows }) => rows),
      [1, 1, 1, 1, 1],
    );
    assert.deepEqual(await fixture.rows('SELECT count(*), count(DISTINCT id) FROM events'), [[9, 9]]);
  });

  it('goes on where some of the replaced files are removed already', async () => {
    putAll();
    const before = await everything();
    await compact();
    const directory = join(fixture.root, 'UA', 'events', 'day=2024-03-10');
    rmSync(join(directory, 'load-2.parquet'));
    assert.deepEqual(await everything(), before);
    assert.deepEqual((await removeAfterGrace()).removed, 6);
    assert.deepEqual(await everything(), before);
  });

  it('fails when a file is damaged, and leaves everything as it was', async () => {
    putAll();
    const directory = join(fixture.root, 'UA', 'events', 'day=2024-03-10');
    truncateSync(join(directory, 'load-2.parquet'), 100);
    const files = fixture.files();
    await assert.rejects(
      compact(),
      (error) => error instanceof HeadgateError && error.code === 'WAREHOUSE_FAILED',
    );
    // The file of the lock stays, as every lock's does.
    const left = fixture.files().filter((file) => file !== 'compaction/owner.json');
    assert.deepEqual(left, files);
  });
});
