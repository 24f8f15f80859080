import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { fieldsOf, viewOf } from '../../../../src/stores/warehouse/bigquery/schema.js';
import { viewsOf } from '../../../../src/stores/warehouse/parquet/query.js';
import { compactTenant } from '../../../../src/stores/warehouse/parquet/compaction.js';
import type { PromotedField, PromotedType } from '../../../../src/events/promoted-field.js';
import type { Stream } from '../../../../src/events/event.js';
import { rowsInFiles } from '../../../support/parquet.js';
import { batchId, event, Fixture } from '../fixture.js';

const field = (column: string, type: PromotedType, ...path: string[]): PromotedField => ({
  column,
  type,
  path: path.length === 0 ? [column] : path,
});

describe('promoted fields', function () {
  this.timeout(20_000);
  let fixture: Fixture;
  let loads: number;

  beforeEach(() => {
    fixture = new Fixture();
    loads = 0;
  });
  afterEach(() => fixture.close());

  /** Loads an event for each of these data, as load number 1, 2 and so on. Text is JSON as it is. */
  const load = (data: readonly unknown[], promoted: readonly PromotedField[], stream: Stream = 'events') => {
    loads += 1;
    const lines = data.map((each, index) => {
      const line = JSON.stringify(
        event(`${loads}.${index}`, { data: 'DATA', time: `2024-03-10T12:00:0${loads}Z` }),
      );
      return line.replace('"DATA"', typeof each === 'string' ? each : JSON.stringify(each));
    });
    return fixture.load(`w${loads}`, [fixture.batch(batchId(loads), lines)], {
      stream,
      promoted,
      loadedAt: `2024-03-10T12:00:0${loads}.000Z`,
    });
  };
  const compact = () => compactTenant({ root: fixture.root, tenant: 'UA', olderThanMs: 0, graceMs: 0 });
  const read = (columns: string) => fixture.rows(`SELECT ${columns} FROM events ORDER BY id`);

  it('are columns behind the others, with their types, and what clashed is last', async () => {
    await load([{}], [field('i', 'integer'), field('n', 'number'), field('t', 'text')]);
    await load([{}], [field('b', 'boolean'), field('at', 'timestamp'), field('i', 'integer')]);
    const described = await fixture.rows('SELECT column_name, column_type FROM (DESCRIBE events)');
    assert.deepEqual(described.slice(17), [
      ['i', 'BIGINT'],
      ['n', 'DOUBLE'],
      ['t', 'VARCHAR'],
      ['b', 'BOOLEAN'],
      ['at', 'TIMESTAMP WITH TIME ZONE'],
      ['_clashes', 'JSON'],
      ['day', 'DATE'],
    ]);
  });

  it('may be called as SQL has words of its own: all that Headgate makes quotes them', async () => {
    const words = [
      'order',
      'select',
      'group',
      'at',
      'from',
      'table',
      'where',
      'user',
      'end',
      'limit',
      'null',
    ];
    const promoted = words.map((word) => field(word, 'text'));
    const data = Object.fromEntries(words.map((word) => [word, `a ${word}`]));
    await load([data], []);
    await load([data, { order: 7 }], promoted);
    await load([data], promoted, 'user-properties');
    const named = words.map((word) => `"${word}"`).join();
    const values = words.map((word) => `a ${word}`);
    const check = async (): Promise<void> => {
      const rows = await read(`id, ${named}, _clashes`);
      assert.deepEqual(rows[0], ['1.0', ...values, null]);
      assert.deepEqual(rows[1], ['2.0', ...values, null]);
      assert.deepEqual(rows[2], ['2.1', ...words.map(() => null), { order: 7 }]);
      assert.deepEqual(await fixture.rows(`SELECT ${named} FROM user_properties_latest`), [values]);
      const views = await viewsOf({ root: fixture.root, tenant: 'UA' });
      const instance = await DuckDBInstance.create(':memory:');
      const connection = await instance.connect();
      await connection.run(views);
      const elsewhere = await connection.runAndReadAll(`SELECT ${named} FROM events ORDER BY id LIMIT 1`);
      assert.deepEqual(elsewhere.getRowsJS(), [values]);
      connection.closeSync();
      instance.closeSync();
    };
    await check();
    await compact();
    await check();
    const fields = fieldsOf('events', promoted);
    const { query } = viewOf({ project: 'p', dataset: 'd' } as never, 'events', fields);
    for (const word of words) assert.ok(query.includes(`\`${word}\``), query);
  });

  describe('take what fits their type, and nothing is converted', () => {
    const instant = '2024-03-10T12:00:00.123Z';
    /** What each JSON text is in a column; `clash` where it is none of its type's. */
    const cases: Record<PromotedType, [json: string, stored: unknown][]> = {
      integer: [
        ['0', 0],
        ['-7', -7],
        ['9223372036854775807', '9223372036854775807'],
        ['-9223372036854775808', '-9223372036854775808'],
        ...['9223372036854775808', '1.5', '1e3', '"5"', 'true', '[5]', '{"n":5}', '1e400'].map(clash),
      ],
      number: [
        ['5', 5],
        ['-1.5', -1.5],
        ['1e-7', 1e-7],
        ['1.7976931348623157e308', Number.MAX_VALUE],
        ...['1e400', '"1.5"', 'false', '[1.5]', '""', '"-"', '"Infinity"'].map(clash),
      ],
      text: [
        ['""', ''],
        ['"null"', 'null'],
        [String.raw`"it's \"quoted\" \\ \n \u0000 é 🛫"`, 'it\'s "quoted" \\ \n \0 é 🛫'],
        ...['5', 'true', '["a"]', '{"a":"b"}'].map(clash),
      ],
      boolean: [['true', true], ['false', false], ...['1', '"true"', '"t"', '[]'].map(clash)],
      timestamp: [
        [`"${instant}"`, instant],
        ['"2024-03-10T07:00:00.123-05:00"', instant],
        ['"2024-03-10t12:00:00.123z"', instant],
        ['"0001-01-01T00:00:00Z"', '0001-01-01T00:00:00.000Z'],
        ...['"0000-01-01T00:00:00Z"', '"9999-12-31T23:59:59-01:00"', '"2024-02-30T00:00:00Z"'].map(clash),
        ...['"2024-03-10"', '"2024-03-10T12:00:00"', '"infinity"', '"now"', '1710072000', '"x"'].map(clash),
      ],
    };
    function clash(json: string): [string, unknown] {
      return [json, clash];
    }

    for (const type of Object.keys(cases) as PromotedType[]) {
      it(type, async () => {
        const all = cases[type];
        const result = await load(
          [...all.map(([json]) => `{"v":${json}}`), '{"v":null}', '{}', '[{"v":1}]', '"v"', 'null'],
          [field('v', type)],
        );
        const wrong = all.filter(([, stored]) => stored === clash);
        assert.deepEqual(result.clashes, { v: wrong.length });
        const rows = await fixture.rows(
          `SELECT v, CAST(_clashes AS VARCHAR) FROM events ORDER BY CAST(split_part(id, '.', 2) AS INT)`,
        );
        const expected = all.map(([json, stored]) =>
          stored === clash ? [null, `{"v":${json}}`] : [stored, null],
        );
        // A number is written anew, as the same number.
        const shown = rows.map(([v, text]) => [v, text === '{"v":1000.0}' ? '{"v":1e3}' : text]);
        assert.deepEqual(shown, [...expected, ...Array.from({ length: 5 }, () => [null, null])]);
      });
    }
  });

  it('lie at the end of any keys, whatever these are called', async () => {
    const keys = ['a.b', '*', '0', '$', "it's", 'say "x"', '__proto__', 'Ключ 🔑', '[0]', '/', '\\'];
    const promoted = keys.flatMap((key, index) => [
      field(`c${index}`, 'integer', key),
      field(`d${index}`, 'integer', 'within', key),
    ]);
    const members = keys.map((key, index) => `${JSON.stringify(key)}:${index}`).join();
    await load([`{${members},"within":{${members}}}`, '{"within":[1,2]}'], promoted);
    const numbers = keys.flatMap((_, index) => [index, index]);
    assert.deepEqual(await read(promoted.map(({ column }) => column).join()), [
      numbers,
      numbers.map(() => null),
    ]);
  });

  it('may lie within each other, differ in case alone, and be there as two types', async () => {
    const promoted = [
      field('d', 'integer', 'delay'),
      field('m', 'integer', 'delay', 'minutes'),
      field('upper', 'integer', 'delay', 'MINUTES'),
      field('as_text', 'text', 'delay'),
    ];
    const result = await load(
      [{ delay: 5 }, { delay: 'late' }, { delay: { minutes: 7, MINUTES: 8 } }],
      promoted,
    );
    assert.deepEqual(await read('d, m, upper, as_text, _clashes'), [
      [5, null, null, null, { as_text: 5 }],
      [null, null, null, 'late', { d: 'late' }],
      [null, 7, 8, null, { d: { minutes: 7, MINUTES: 8 }, as_text: { minutes: 7, MINUTES: 8 } }],
    ]);
    assert.deepEqual(result.clashes, { as_text: 2, d: 2 });
  });

  it('show the values of what was loaded before they were promoted, before and after a compaction', async () => {
    await load([{ a: 1, b: 'x' }, { a: 'one' }], []);
    await load(
      [
        { a: 2, b: 'y' },
        { a: 'two', b: 2 },
      ],
      [field('a', 'integer')],
    );
    await load([{ a: 3, b: 'z' }, { b: 3 }], [field('b', 'text'), field('a', 'integer')]);
    await load([{ a: 4, b: 4 }], []);
    const expected = [
      ['1.0', 1, 'x', null],
      ['1.1', null, null, { a: 'one' }],
      ['2.0', 2, 'y', null],
      ['2.1', null, null, { a: 'two', b: 2 }],
      ['3.0', 3, 'z', null],
      ['3.1', null, null, { b: 3 }],
      ['4.0', 4, null, { b: 4 }],
    ];
    assert.deepEqual(await read('id, a, b, _clashes'), expected);
    assert.equal((await compact()).written, 1);
    assert.equal(fixture.files().filter((name) => name.endsWith('.parquet')).length, 1);
    assert.deepEqual(await read('id, a, b, _clashes'), expected);
    await load([{ c: true, a: 5 }], [field('c', 'boolean')]);
    assert.deepEqual((await read('id, a, c')).at(-1), ['5.0', 5, true]);
    assert.deepEqual(await fixture.rows('SELECT count(*) FROM events WHERE a = 1'), [[1]]);
  });

  it('of which two files have different types are of the type loaded last, and no value is lost', async () => {
    await load([{ a: 1, b: 'x' }, { a: 'one' }], [field('a', 'integer'), field('b', 'text')]);
    await load([{ a: '2024-03-10T12:00:00Z' }], [field('a', 'timestamp')]);
    await load([{ a: 3 }, { a: true }], [field('a', 'boolean')]);
    const expected = [
      ['1.0', null, 'x', { a: 1 }],
      ['1.1', null, null, { a: 'one' }],
      ['2.0', null, null, { a: '2024-03-10T12:00:00Z' }],
      ['3.0', null, null, { a: 3 }],
      ['3.1', true, null, null],
    ];
    assert.deepEqual(await read('id, a, b, _clashes'), expected);
    await compact();
    assert.deepEqual(await read('id, a, b, _clashes'), expected);
  });

  it('keep the order of rows within a batch when files with and without them are compacted', async () => {
    const data = Array.from({ length: 50 }, (_, a) => ({ a }));
    await load(data, []);
    await load(data, [field('a', 'integer')]);
    await load(data, []);
    await compact();
    const rows = await rowsInFiles(fixture.root, 'UA', 'events', "batch_id, data->>'a'");
    for (const number of [1, 2, 3]) {
      const ofBatch = rows.filter(([batch]) => batch === batchId(number)).map(([, a]) => Number(a));
      assert.deepEqual(
        ofBatch,
        data.map(({ a }) => a),
      );
    }
  });

  it('of user properties are those of the profile, in the view of the latest', async () => {
    const seats = [field('seats', 'integer')];
    await load([{ seats: 180 }], [], 'user-properties');
    await load([{ name: 'x' }], seats, 'user-properties');
    const latest = () => fixture.rows('SELECT subject, seats, data, _clashes FROM user_properties_latest');
    assert.deepEqual(await latest(), [['s1', 180, { name: 'x', seats: 180 }, null]]);
    await load([{ seats: 'many' }], seats, 'user-properties');
    assert.deepEqual(await latest(), [['s1', null, { name: 'x', seats: 'many' }, { seats: 'many' }]]);
    assert.equal(
      (await fixture.rows("SELECT * FROM (DESCRIBE events) WHERE column_name = 'seats'")).length,
      0,
    );
  });

  it("are one tenant's alone", async () => {
    await load([{ a: 1 }], [field('a', 'integer')]);
    await fixture.put(9, [event('x')], 'events', 'DL');
    await assert.rejects(fixture.rows('SELECT a FROM events', 'DL'), /"a" not found/);
  });

  it('are counted again by a retry of the load, which may come after the configuration has changed', async () => {
    const batch = fixture.batch(batchId(1), [
      event('a', { data: { a: 'x' } }),
      event('b', { data: { a: 1 } }),
    ]);
    const first = await fixture.load('w1', [batch], { promoted: [field('a', 'integer')] });
    await fixture.restart();
    const again = await fixture.load('w1', [batch], {
      promoted: [field('a', 'integer'), field('b', 'text')],
    });
    assert.deepEqual([first.clashes, again.clashes], [{ a: 1 }, { a: 1 }]);
    assert.equal((await fixture.load('w1', [batch])).rows, 2);
  });

  for (const [what, promoted] of [
    ['a column of the table', field('load_id', 'text', 'x')],
    ['what SQL would take for more', field('a" AS b, "c', 'text', 'x')],
    ['an unknown type', { column: 'a', path: ['a'], type: 'JSON); DROP' as PromotedType }],
    ['no path', { column: 'a', path: [], type: 'text' as const }],
  ] as const) {
    it(`refuses a load that names ${what}`, async () => {
      await assert.rejects(load([{}], [promoted]), /A load was asked for that cannot be/);
      rmSync(join(fixture.root, 'UA'), { recursive: true, force: true });
    });
  }
});
