import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compactTenant } from '../../../../src/stores/warehouse/parquet/compaction.js';
import { viewsOf } from '../../../../src/stores/warehouse/parquet/query.js';
import type { PromotedField } from '../../../../src/events/promoted-field.js';
import { rowsInFiles } from '../../../support/parquet.js';
import { runReader, skipWithoutReader } from '../../../support/parquet-readers.js';
import { recipeAfter } from '../../../support/documents.js';
import { batchId, event, Fixture } from '../fixture.js';

const PAGE = 'docs/how-to/read-the-parquet-files.md';

/** Words of SQL's own, and a field within another. */
const PROMOTED: readonly PromotedField[] = [
  { column: 'order', type: 'text', path: ['order'] },
  { column: 'select', type: 'number', path: ['select'] },
  { column: 'group', type: 'boolean', path: ['group'] },
  { column: 'at', type: 'timestamp', path: ['at'] },
  { column: 'delay_minutes', type: 'integer', path: ['delay', 'minutes'] },
];

/** The columns of promoted fields, and `_clashes`; times as {@link micros}. */
interface Promoted {
  readonly order: string | null;
  readonly select: number | null;
  readonly group: boolean | null;
  readonly at: string | null;
  readonly delay_minutes: number | null;
  /** JSON text. */
  readonly _clashes: string | null;
}

/** A row as each reader is made to show it. */
interface Row extends Promoted {
  readonly id: string;
  /** JSON text. */
  readonly data: string | null;
  readonly time: string;
  readonly day: string;
}

/** An event's id, its data as sent, its time, and what of it fits the promoted fields or clashes. */
type Sent = readonly [id: string, data: string, time: string, promoted?: Partial<Promoted>];

const YEAR_1 = '0001-01-01T00:00:00Z';
const BEFORE_1900 = '1899-12-31T23:59:59.999999Z';
const BEFORE_1970 = '1969-12-31T23:59:59.500000Z';
const NOON = '2024-03-10T12:00:00Z';
const LAST = '9999-12-31T23:59:59.999999Z';

/** Microseconds since 1970, as digits. */
function micros(rfc3339: string): string {
  const [seconds, fraction = ''] = rfc3339.replace('Z', '').split('.');
  return String(BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0')));
}

/** Loaded before anything was promoted, and compacted. */
const FIRST: readonly Sent[] = [
  [
    'old',
    '{"order":"o-1","price":1.10,"delay":{"minutes":15},"gone":null,"b":1,"a":2}',
    YEAR_1,
    { order: 'o-1', delay_minutes: 15 },
  ],
  ['list', '[]', BEFORE_1900],
  ['text', '"a \\"text\\""', BEFORE_1970],
  ['number', '1.10', NOON],
  ['null', 'null', NOON],
  [
    'fraction',
    '{"a.b":1,"a":{"b":2},"delay":{"minutes":30.7}}',
    NOON,
    { _clashes: '{"delay_minutes":30.7}' },
  ],
];

/** Once within the first day, and once on the second. */
const REPEATED: Sent = ['old', '{"order":"again","delay":{"minutes":99}}', NOON];

/** Loaded after, on the next day. */
const LATER: readonly Sent[] = [
  [
    'zero',
    `{"order":"o-2","select":1.10,"group":true,"at":"${YEAR_1}","delay":{"minutes":30}}`,
    '2024-03-10T00:30:00Z',
    { order: 'o-2', select: 1.1, group: true, at: micros(YEAR_1), delay_minutes: 30 },
  ],
  [
    'birth',
    `{"order":null,"at":"${BEFORE_1900}","delay":{"minutes":"15"}}`,
    NOON,
    { at: micros(BEFORE_1900), _clashes: '{"delay_minutes":"15"}' },
  ],
  ['before', `{"at":"${BEFORE_1970}"}`, NOON, { at: micros(BEFORE_1970) }],
  ['last', `{"at":"${LAST}"}`, LAST, { at: micros(LAST) }],
];

const NOTHING: Promoted = {
  order: null,
  select: null,
  group: null,
  at: null,
  delay_minutes: null,
  _clashes: null,
};

/**
 * The rows that a reader is to show.
 * @param stored the text of each event's data in the files
 * @param filled also the columns of what was loaded before they were promoted
 */
function expected(stored: ReadonlyMap<string, string | null>, filled = false): Row[] {
  const rows = (sent: readonly Sent[], day: string, shown: boolean) =>
    sent.map(([id, , time, promoted]) => {
      const base = { id, data: stored.get(id) ?? null, time: micros(time), day };
      return { ...base, ...NOTHING, ...(shown ? promoted : {}) };
    });
  return [...rows(FIRST, '2024-03-09', filled), ...rows(LATER, '2024-03-10', true)].sort(byId);
}

const byId = (a: Row, b: Row) => (a.id < b.id ? -1 : 1);

/** In DuckDB's SQL; its Python would want one more package to fetch times. */
const DUCKDB_ROWS = `SELECT id, CAST(data AS VARCHAR) AS data, CAST(epoch_us(time) AS VARCHAR) AS time,
  CAST(day AS VARCHAR) AS day, "order", "select", "group", CAST(epoch_us("at") AS VARCHAR) AS at, delay_minutes,
  CAST(_clashes AS VARCHAR) AS _clashes FROM events`;

/** `rows_of(names, rows)` prints rows as JSON, with times as microseconds. */
const PRINT_ROWS = `
import datetime, json
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
def plain(value):
    if value is None or value != value: return None
    value = getattr(value, 'to_pydatetime', lambda: value)()
    if isinstance(value, datetime.datetime): return str((value - EPOCH) // datetime.timedelta(microseconds=1))
    return str(value) if isinstance(value, datetime.date) else value
def print_rows(names, rows):
    print(json.dumps([{name: plain(value) for name, value in zip(names, row)} for row in rows], default=lambda v: v.item()))
`;

/** Each recipe of the page, as it stands there. */
describe('the recipes for other readers of Parquet', function () {
  this.timeout(120_000);
  let dir: string;
  let stored: Map<string, string | null>;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-readers-'));
    const fixture = new Fixture();
    try {
      await write(fixture);
      cpSync(fixture.root, join(dir, '.headgate', 'warehouse'), { recursive: true });
    } finally {
      await fixture.close();
    }
    const rows = await rowsInFiles(
      join(dir, '.headgate', 'warehouse'),
      'acme',
      'events',
      'id, CAST(data AS VARCHAR)',
    );
    stored = new Map(rows.toReversed() as [string, string | null][]);
    assert.equal(rows.length, 12);
    for (const [id, data] of [...FIRST, ...LATER])
      assert.deepEqual(JSON.parse(stored.get(id) ?? 'null'), JSON.parse(data));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  async function write(fixture: Fixture): Promise<void> {
    const load = (n: number, day: string, rows: readonly Sent[], promoted: readonly PromotedField[]) => {
      const lines = rows.map(([id, data, time]) =>
        JSON.stringify(event(id, { data: 'DATA', time })).replace('"DATA"', () => data),
      );
      return fixture.load(`w${n}`, [fixture.batch(batchId(n, day.replaceAll('-', '')), lines)], {
        tenant: 'acme',
        day,
        promoted,
        loadedAt: `${day}T12:00:0${n}.000Z`,
      });
    };
    await load(1, '2024-03-09', FIRST, []);
    await load(2, '2024-03-09', [REPEATED], []);
    const compacted = await compactTenant({
      root: fixture.root,
      tenant: 'acme',
      olderThanMs: 0,
      graceMs: 0,
    });
    assert.equal(compacted.written, 1);
    await load(3, '2024-03-10', [...LATER, REPEATED], PROMOTED);
  }

  const sorted = (rows: unknown): Row[] => (rows as Row[]).toSorted(byId);

  for (const version of ['duckdb-1.2', 'duckdb-1.3'] as const)
    describe(version, () => {
      before(function () {
        skipWithoutReader(this, version);
      });

      it('makes a view that any other can attach, with each event once', async () => {
        const program = `${PRINT_ROWS}
import duckdb
with duckdb.connect() as connection:
    counts = connection.execute(open('recipe.sql').read()).fetchall()
    filled = connection.execute(open('filled.sql').read()).fetchall()
with duckdb.connect() as other:
    other.execute("ATTACH 'acme.duckdb' AS acme (READ_ONLY); USE acme")
    rows = other.execute('''${DUCKDB_ROWS}''')
    names = [column[0] for column in rows.description]
    rows = [dict(zip(names, row)) for row in rows.fetchall()]
print(json.dumps({'counts': counts, 'filled': filled, 'rows': rows}))`;
        writeFileSync(join(dir, 'recipe.sql'), recipeAfter(PAGE, '## DuckDB', 'sql'));
        writeFileSync(join(dir, 'filled.sql'), recipeAfter(PAGE, 'that is not filled yet', 'sql'));
        rmSync(join(dir, 'acme.duckdb'), { force: true });
        const { counts, filled, rows } = (await runReader(version, dir, program)) as Record<
          string,
          unknown[]
        >;
        assert.deepEqual(counts, [['thing.happened', 10]]);
        assert.deepEqual(sorted(rows), expected(stored));
        const minutes = expected(stored, true).map(({ id, delay_minutes }) => [id, delay_minutes]);
        assert.deepEqual(filled!.sort(), minutes);
      });
    });

  describe('duckdb-1.3', () => {
    before(function () {
      skipWithoutReader(this, 'duckdb-1.3');
    });

    it('takes `headgate query --views`, with each column filled', async () => {
      const views = await viewsOf({ root: join(dir, '.headgate', 'warehouse'), tenant: 'acme' });
      writeFileSync(join(dir, 'views.sql'), views);
      const program = `${PRINT_ROWS}
import duckdb
connection = duckdb.connect('views.duckdb')
connection.execute(open('views.sql').read())
connection.execute("SET TimeZone = 'UTC'")
rows = connection.execute('''${DUCKDB_ROWS}''')
print_rows([column[0] for column in rows.description], rows.fetchall())`;
      assert.deepEqual(sorted(await runReader('duckdb-1.3', dir, program)), expected(stored, true));
    });
  });

  describe('pandas', () => {
    before(function () {
      skipWithoutReader(this, 'pandas');
    });

    it('reads the columns that all files have', async () => {
      const program = `${PRINT_ROWS}${recipeAfter(PAGE, '## pandas', 'python')}
names = ['id', 'data', 'time']
print_rows(names, rows[names].itertuples(index=False))`;
      const wanted = expected(stored).map(({ id, data, time }) => ({ id, data, time }));
      assert.deepEqual(sorted(await runReader('pandas', dir, program)), wanted);
    });

    it('reads those of some files with the schema of all', async () => {
      const program = `${PRINT_ROWS}${recipeAfter(PAGE, '## pandas', 'python')}
${recipeAfter(PAGE, 'give it the schema of all of them', 'python')}
rows = events.to_table().to_pandas()
rows = rows.sort_values(['loaded_at', 'batch_id', 'load_id']).drop_duplicates(['source', 'id'])
names = ['id', 'data', 'time', 'day', 'order', 'select', 'group', 'at', 'delay_minutes', '_clashes']
print_rows(names, rows[names].itertuples(index=False))`;
      assert.deepEqual(sorted(await runReader('pandas', dir, program)), expected(stored));
    });
  });

  describe('polars', () => {
    before(function () {
      skipWithoutReader(this, 'polars');
    });

    it('reads all columns, JSON as text', async () => {
      const program = `${PRINT_ROWS}${recipeAfter(PAGE, '## polars', 'python')}
names = ['id', 'data', 'time', 'day', 'order', 'select', 'group', 'at', 'delay_minutes', '_clashes']
print_rows(names, events.select(names).collect().rows())`;
      assert.deepEqual(sorted(await runReader('polars', dir, program)), expected(stored));
    });
  });

  describe('clickhouse', () => {
    before(function () {
      skipWithoutReader(this, 'clickhouse');
    });

    it('reads all columns, and JSON to the letter', async () => {
      writeFileSync(join(dir, 'recipe.sql'), recipeAfter(PAGE, '## ClickHouse', 'sql'));
      const program = `
import chdb, json
rows = str(chdb.query(open('recipe.sql').read(), 'JSONEachRow')).splitlines()
print(json.dumps([json.loads(row) for row in rows]))`;
      const rows = (await runReader('clickhouse', dir, program)) as Row[];
      const instant = (text: string | null) => (text === null ? null : micros(text.replace(' ', 'T')));
      const shown = rows.map((row): Row => {
        const { id, data, day, order, select, group, delay_minutes, _clashes } = row;
        const times = { time: instant(row.time)!, at: instant(row.at) };
        return { id, data, day, order, select, group, delay_minutes, _clashes, ...times };
      });
      assert.deepEqual(sorted(shown), expected(stored));
    });
  });

  describe('spark-3.5', () => {
    before(function () {
      skipWithoutReader(this, 'spark-3.5');
    });

    it('reads all columns, and times of all years', async () => {
      const program = `${PRINT_ROWS}
from pyspark.sql import SparkSession
builder = SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false')
spark = builder.config('spark.sql.shuffle.partitions', '1').getOrCreate()
${recipeAfter(PAGE, '## Spark', 'python')}
names = ['id', 'data', 'time', 'day', 'order', 'select', 'group', 'at', 'delay_minutes', '_clashes']
micros = {name: F.unix_micros(name).cast('string') for name in ('time', 'at')}
shown = events.select(*[micros.get(name, F.col(name)) for name in names])
print_rows(names, shown.collect())`;
      assert.deepEqual(sorted(await runReader('spark-3.5', dir, program)), expected(stored));
    });
  });
});
