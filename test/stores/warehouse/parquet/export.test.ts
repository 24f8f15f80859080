import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError } from '../../../../src/errors.js';
import type { ExportFormat, TenantExport } from '../../../../src/stores/warehouse/parquet/export.js';
import { exportTenant } from '../../../../src/stores/warehouse/parquet/export.js';
import { testDuckDB } from '../../../support/duckdb.js';
import { event, Fixture } from '../fixture.js';

const code = (wanted: string) => (error: unknown) => error instanceof HeadgateError && error.code === wanted;

describe('an export of a result', function () {
  this.timeout(30_000);
  let fixture: Fixture;
  let out: string;

  // All read the same warehouse, and write each to a place of its own.
  before(async () => {
    fixture = new Fixture();
    await fixture.put(1, [
      event('a', { data: { text: 'a, "quoted"\nline', list: [1, null] } }),
      event('b', { subject: 'Zürich', time: '2024-03-10T12:00:00.123456Z' }),
    ]);
    await fixture.put(2, [event('a')]);
  });
  after(() => fixture.close());
  beforeEach(() => {
    out = join(mkdtempSync(join(fixture.dir, 'of-')), 'out');
  });

  function write(sql: string, name: string, more: Partial<TenantExport> = {}): Promise<number> {
    const format = name.split('.').at(-1) as ExportFormat;
    return exportTenant({ root: fixture.root, tenant: 'UA', sql, format, path: join(out, name), ...more });
  }
  const read = (name: string): string => readFileSync(join(out, name), 'utf8');

  async function parquetRows(name: string, select = '*'): Promise<unknown[][]> {
    const connection = await testDuckDB();
    const reader = await connection.runAndReadAll(`SELECT ${select} FROM '${join(out, name)}'`);
    return reader.getRowsJson() as unknown[][];
  }

  const SQL = 'SELECT id, subject, time, data FROM events ORDER BY id DESC; -- each once';

  it('is JSON, an array of objects', async () => {
    assert.equal(await write(SQL, 'r.json'), 2);
    assert.deepEqual(JSON.parse(read('r.json')), [
      { id: 'b', subject: 'Zürich', time: '2024-03-10T12:00:00.123456Z', data: { n: 1 } },
      {
        id: 'a',
        subject: 's1',
        time: '2024-03-10T12:00:00.000000Z',
        data: { text: 'a, "quoted"\nline', list: [1, null] },
      },
    ]);
    await write('SELECT 1 AS n WHERE false', 'none.json');
    assert.deepEqual(JSON.parse(read('none.json')), []);
  });

  it('is NDJSON, an object a line', async () => {
    await write(SQL, 'r.ndjson');
    const lines = read('r.ndjson').trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { id: string }).id),
      ['b', 'a'],
    );
  });

  it('is CSV with a header, quoted where it must be', async () => {
    await write(`SELECT id, data->>'text' AS t, time FROM events ORDER BY id`, 'r.csv');
    assert.equal(
      read('r.csv'),
      'id,t,time\na,"a, ""quoted""\nline",2024-03-10T12:00:00.000000Z\nb,,2024-03-10T12:00:00.123456Z\n',
    );
  });

  it('is Parquet with the types of the columns', async () => {
    await write('SELECT id, time, 9007199254740993 AS big FROM events ORDER BY id', 'r.parquet');
    assert.deepEqual(await parquetRows('r.parquet', 'id, epoch_ms(time), typeof(time), big, typeof(big)'), [
      ['a', '1710072000000', 'TIMESTAMP WITH TIME ZONE', '9007199254740993', 'BIGINT'],
      ['b', '1710072000123', 'TIMESTAMP WITH TIME ZONE', '9007199254740993', 'BIGINT'],
    ]);
  });

  it('is as long as it is: what is bigger than the memory of the engine goes through', async () => {
    const sql = `SELECT i, repeat(md5(i::VARCHAR), 10) AS text FROM range(1800000) t(i)`;
    assert.equal(await write(sql, 'big.parquet'), 1_800_000);
    assert.deepEqual(await parquetRows('big.parquet', 'count(*), sum(length(text)), max(i)'), [
      ['1800000', '576000000', '1799999'],
    ]);
  });

  it('shows one tenant and not the other', async () => {
    await fixture.put(3, [event('theirs')], 'events', 'DL');
    await write('SELECT id FROM events', 'theirs.csv', { tenant: 'DL' });
    assert.equal(read('theirs.csv'), 'id\ntheirs\n');
    await assert.rejects(write('SELECT 1', 'x.csv', { tenant: '../DL' }), code('TENANT_ID_INVALID'));
  });

  it('does not replace a file unless it is forced to', async () => {
    await write('SELECT 1 AS n', 'r.csv');
    await assert.rejects(write('SELECT 2 AS n', 'r.csv'), code('FILE_EXISTS'));
    assert.equal(read('r.csv'), 'n\n1\n');
    await write('SELECT 2 AS n', 'r.csv', { force: true });
    assert.equal(read('r.csv'), 'n\n2\n');
  });

  it('that fails on the way leaves what was there, and nothing half written', async () => {
    await write('SELECT 1 AS n', 'r.csv');
    const failing = `SELECT CASE WHEN i < 900000 THEN i ELSE error('late')::INTEGER END AS n FROM range(1000000) t(i)`;
    await assert.rejects(write(failing, 'r.csv', { force: true }), code('QUERY_FAILED'));
    assert.equal(read('r.csv'), 'n\n1\n');
    assert.deepEqual(readdirSync(out), ['r.csv']);
  });

  it('that is stopped rejects with the reason and leaves nothing', async () => {
    const stop = new AbortController();
    const endless = write('SELECT sum(range) FROM range(1000000000000)', 'r.csv', { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 300);
    await assert.rejects(endless, { message: 'enough' });
    assert.deepEqual(readdirSync(out), []);
  });

  for (const sql of ['EXPLAIN SELECT 1', 'DESCRIBE events', '-- all\nSUMMARIZE events', 'SHOW TABLES']) {
    it(`is not for ${sql.replace('\n', ' ')}`, async () => {
      await assert.rejects(write(sql, 'r.csv'), code('QUERY_REFUSED'));
    });
  }

  it('does not go into the warehouse, where it would be read as data', async () => {
    const day = join(fixture.root, 'UA', 'events', 'day=2024-03-10');
    symlinkSync(day, join(fixture.dir, 'link'));
    for (const path of [
      join(day, 'r.parquet'),
      join(fixture.root, 'UA', 'events', 'day=2024-03-11', 'r.parquet'),
      join(fixture.dir, 'link', 'r.parquet'),
    ]) {
      await assert.rejects(write('SELECT 1', 'r.parquet', { path, force: true }), code('FILE_UNWRITABLE'));
    }
    assert.equal(fixture.files().length, 2);
  });

  it('says when its place is a directory, or below a file', async () => {
    mkdirSync(join(out, 'd.csv'), { recursive: true });
    await assert.rejects(write('SELECT 1', 'd.csv', { force: true }), code('FILE_UNWRITABLE'));
    writeFileSync(join(out, 'file'), '');
    await assert.rejects(
      write('SELECT 1', 'r.csv', { path: join(out, 'file', 'r.csv') }),
      code('FILE_UNWRITABLE'),
    );
  });
});
