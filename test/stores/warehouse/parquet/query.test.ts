import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { HeadgateError } from '../../../../src/errors.js';
import { queryTenant } from '../../../../src/stores/warehouse/parquet/query.js';
import { leavesNoTemporaryFile } from '../../../support/temp-dir.js';
import { batchId, decision, event, Fixture } from '../fixture.js';

const code = (wanted: string) => (error: unknown) => error instanceof HeadgateError && error.code === wanted;

describe("a query over a tenant's warehouse", function () {
  this.timeout(20_000);
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
  });
  afterEach(() => fixture.close());

  describe('the views', () => {
    it('are empty, with all their columns, before the first load', async () => {
      for (const [view, columns] of [
        ['events', 18],
        ['user_properties', 18],
        ['user_properties_latest', 18],
        ['decisions', 13],
      ] as const) {
        const result = await queryTenant({ root: fixture.root, tenant: 'UA', sql: `SELECT * FROM ${view}` });
        assert.deepEqual([view, result.columns.length, result.rows], [view, columns, []]);
      }
      assert.equal(existsSync(fixture.root), false);
    });

    it('hold each id once: the copy that was loaded first', async () => {
      await fixture.put(2, [event('a', { data: 'second' }), event('b')]);
      await fixture.put(1, [event('a', { data: 'first' })]);
      await fixture.put(3, [event('a', { data: 'third' })]);
      assert.deepEqual(await fixture.rows('SELECT id, data, load_id FROM events ORDER BY id'), [
        ['a', 'first', 'load-1'],
        ['b', { n: 1 }, 'load-2'],
      ]);
      await fixture.put(4, [decision('d'), decision('e')], 'decisions');
      await fixture.put(5, [decision('d')], 'decisions');
      assert.deepEqual(await fixture.rows('SELECT count(*) FROM decisions'), [[2]]);
    });

    it('show one tenant and not the other', async () => {
      await fixture.put(1, [event('a')]);
      await fixture.put(2, [event('b')], 'events', 'DL');
      assert.deepEqual(await fixture.rows('SELECT id FROM events', 'UA'), [['a']]);
      assert.deepEqual(await fixture.rows('SELECT id FROM events', 'DL'), [['b']]);
    });

    it('are counted, with eligible decisions by rule', async () => {
      await fixture.put(1, [event('a'), event('b')]);
      await fixture.put(2, [event('a')]);
      await fixture.put(3, [event('p')], 'user-properties');
      const decisions = [
        decision('1'),
        decision('2', { outcome: 'ineligible' }),
        decision('3', { rule: 'swap' }),
      ];
      await fixture.put(4, [...decisions, decision('4')], 'decisions');
      const counts = `SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM user_properties), (SELECT count(*) FROM decisions)`;
      const eligible = `SELECT rule, count(*) FROM decisions WHERE outcome = 'eligible' GROUP BY rule ORDER BY rule`;
      assert.deepEqual(await fixture.rows(counts, 'UA'), [[2, 1, 4]]);
      assert.deepEqual(await fixture.rows(eligible, 'UA'), [
        ['late', 2],
        ['swap', 1],
      ]);
      assert.deepEqual(await fixture.rows(counts, 'DL'), [[0, 0, 0]]);
      assert.deepEqual(await fixture.rows(eligible, 'DL'), []);
    });
  });

  describe('user_properties_latest', () => {
    const latest = () =>
      fixture.rows('SELECT subject, id, data FROM user_properties_latest ORDER BY subject');
    const at = (id: string, time: string, data: unknown, more = {}) => event(id, { time, data, ...more });

    it('has a row per subject: the latest attributes, and data merged key by key', async () => {
      await fixture.put(
        1,
        [
          at('1', '2024-01-01T00:00:00Z', { seats: 100, model: 'A', colour: 'red' }),
          at('2', '2024-01-03T00:00:00Z', { seats: 180 }),
          at('other', '2024-01-01T00:00:00Z', { seats: 55 }, { subject: 's2' }),
        ],
        'user-properties',
      );
      // Loaded later but older: it fills gaps and overrides nothing newer.
      await fixture.put(2, [at('3', '2024-01-02T00:00:00Z', { seats: 150, model: 'B' })], 'user-properties');
      assert.deepEqual(await latest(), [
        ['s1', '2', { colour: 'red', model: 'B', seats: 180 }],
        ['s2', 'other', { seats: 55 }],
      ]);
    });

    it('lets a null unset a key, and a later value set it again', async () => {
      await fixture.put(
        1,
        [
          at('1', '2024-01-01T00:00:00Z', { a: 1, b: 1, c: 1 }),
          at('2', '2024-01-02T00:00:00Z', { a: null, b: null }),
          at('3', '2024-01-03T00:00:00Z', { b: 2 }),
          at('4', '2024-01-01T00:00:00Z', { gone: 1 }, { subject: 's2' }),
          at('5', '2024-01-02T00:00:00Z', { gone: null }, { subject: 's2' }),
        ],
        'user-properties',
      );
      assert.deepEqual(await latest(), [
        ['s1', '3', { b: 2, c: 1 }],
        ['s2', '5', {}],
      ]);
    });

    it('merges only the top level', async () => {
      await fixture.put(
        1,
        [
          at('1', '2024-01-01T00:00:00Z', { address: { city: 'x', zip: null } }),
          at('2', '2024-01-02T00:00:00Z', { tags: [1] }),
          at('3', '2024-01-03T00:00:00Z', { address: { street: null } }),
        ],
        'user-properties',
      );
      assert.deepEqual(await latest(), [['s1', '3', { address: { street: null }, tags: [1] }]]);
    });

    it('settles equal times by receipt, then batch, then place in the batch', async () => {
      const time = '2024-01-01T00:00:00Z';
      const received = (second: number) => ({ received_at: `2024-01-02T00:00:0${second}Z` });
      await fixture.put(2, [at('2', time, { a: 2, b: 2, c: 2 }, received(1))], 'user-properties');
      await fixture.put(
        1,
        [
          at('1x', time, { a: 1, b: 1 }, received(1)),
          at('1y', time, { b: 9, d: 1 }, received(1)),
          at('1z', time, { d: 2 }, received(1)),
          at('0', time, { c: 3 }, received(2)),
        ],
        'user-properties',
      );
      assert.deepEqual(await latest(), [['s1', '0', { a: 2, b: 2, c: 3, d: 2 }]]);
    });

    it('compares moments, not texts', async () => {
      await fixture.put(
        1,
        [
          at('1', '2024-01-01T01:00:00+02:00', { a: 'earlier' }),
          at('2', '2023-12-31T23:30:00Z', { a: 'later' }),
        ],
        'user-properties',
      );
      assert.deepEqual(await latest(), [['s1', '2', { a: 'later' }]]);
    });

    it('keeps odd keys, and takes data that is not an object as no properties', async () => {
      const odd = JSON.parse(
        '{"$.a":1,"a/b":2,"":3,"\\"":4,"__proto__":5,"u\\u0000x":"y\\u0000","ключ":"é"}',
      ) as unknown;
      await fixture.put(
        1,
        [
          at('1', '2024-01-01T00:00:00Z', odd),
          at('2', '2024-01-02T00:00:00Z', 'text'),
          at('3', '2024-01-03T00:00:00Z', ['list']),
          at('4', '2024-01-03T00:00:00Z', null, { subject: 's2' }),
          at('5', '2024-01-03T00:00:00Z', { n: 1 }, { subject: undefined }),
        ],
        'user-properties',
      );
      assert.deepEqual(await latest(), [
        ['s1', '3', odd],
        ['s2', '4', {}],
      ]);
    });

    it('counts an event that came twice once, as its first copy', async () => {
      await fixture.put(1, [at('1', '2024-01-01T00:00:00Z', { a: 1 })], 'user-properties');
      await fixture.put(2, [at('1', '2024-01-05T00:00:00Z', { a: 2 })], 'user-properties');
      assert.deepEqual(await latest(), [['s1', '1', { a: 1 }]]);
    });
  });

  describe('the result', () => {
    it('is plain JSON: exact numbers, ISO times, JSON as values', async () => {
      const sql = `SELECT 1 AS i, 9007199254740993 AS big, sum(2) AS huge, 1.50 AS dec, 1e300 AS dbl, 'nan'::DOUBLE AS nan,
        NULL AS nothing, TIMESTAMPTZ '2024-01-01T00:00:00.000001-05:00' AS at, 'infinity'::TIMESTAMPTZ AS never,
        TIMESTAMPTZ '1600-01-01T00:00:00.5Z' AS old, [1::BIGINT] AS list, {'j': '{"a":[1]}'::JSON} AS struct,
        '{"a":[1,null]}'::JSON AS json, DATE '2024-02-03' AS day, true AS yes, 1 AS i`;
      const { columns, rows } = await queryTenant({ root: fixture.root, tenant: 'UA', sql });
      assert.deepEqual(rows, [
        [
          1,
          '9007199254740993',
          2,
          1.5,
          1e300,
          'NaN',
          null,
          '2024-01-01T05:00:00.000001Z',
          'infinity',
          '1600-01-01T00:00:00.500Z',
          [1],
          { j: { a: [1] } },
          { a: [1, null] },
          '2024-02-03',
          true,
          1,
        ],
      ]);
      assert.deepEqual(JSON.parse(JSON.stringify(rows)), rows);
      assert.equal(new Set(columns.map(({ name }) => name)).size, columns.length);
      assert.deepEqual(columns[12], { name: 'json', type: 'JSON' });
    });

    it('stops at maxRows and says so', async () => {
      const sql = 'SELECT range FROM range(1000000000000)';
      const cut = await queryTenant({ root: fixture.root, tenant: 'UA', sql, maxRows: 3 });
      assert.deepEqual([cut.rows, cut.truncated], [[[0], [1], [2]], true]);
      const whole = await queryTenant({ root: fixture.root, tenant: 'UA', sql: 'FROM range(3)', maxRows: 3 });
      assert.deepEqual([whole.rows.length, whole.truncated], [3, false]);
    });

    it("of a mistake is QUERY_FAILED with DuckDB's message", async () => {
      for (const [sql, message] of [
        ['SELEC 1', /syntax error/],
        ['SELECT nothing FROM events', /nothing/],
        ['SELECT * FROM no_table', /no_table/],
        ["SELECT 'x'::INTEGER", /x/],
        ['SELECT $1', /./],
      ] as const) {
        await assert.rejects(fixture.rows(sql), (error: Error) => {
          assert.match(error.message, message);
          return code('QUERY_FAILED')(error);
        });
      }
    });

    it('of a query that needs more memory than it has comes through the disk, which is left clean', async () => {
      const sql = `SELECT count(*), max(length(s)) FROM (
        SELECT s FROM (SELECT repeat(i::VARCHAR, 150) AS s, (i * 7919) % 1000003 AS k FROM range(600000) t(i)) ORDER BY k, s OFFSET 1)`;
      await leavesNoTemporaryFile(async () => assert.deepEqual(await fixture.rows(sql), [[599_999, 900]]));
    });
  });

  describe('reads', () => {
    let read: Fixture;
    before(() => {
      read = new Fixture();
      return read.put(1, [event('a')]);
    });
    after(() => read.close());

    for (const sql of [
      'SELECT id FROM events',
      '  -- a comment\n /* and another */ FROM events;',
      'WITH e AS (SELECT * FROM events) SELECT count(*) FROM e',
      '(SELECT 1) UNION ALL VALUES (2)',
      'DESCRIBE events',
      'SUMMARIZE events',
      'SHOW TABLES',
      'EXPLAIN SELECT * FROM events',
      '-- why\nexplain analyze select count(*) from events',
      'SELECT key, value FROM events, json_each(data)',
      'SELECT unnest([1, 2])',
      'FROM information_schema.columns',
    ]) {
      it(sql.trim(), async () => {
        assert.ok((await read.rows(sql)).length > 0);
      });
    }
  });

  it('reads while a load is being written', async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => event(`e${n}`));
    const loading = fixture.load('w1', [fixture.batch(batchId(1), rows)]);
    const seen = new Set<unknown>();
    let done = false;
    void loading.then(
      () => (done = true),
      () => (done = true),
    );
    while (!done) seen.add((await fixture.rows('SELECT count(*) FROM events'))[0]?.[0]);
    await loading;
    seen.add((await fixture.rows('SELECT count(*) FROM events'))[0]?.[0]);
    assert.deepEqual(
      [...seen].filter((count) => count !== 0),
      [20_000],
    );
  });
});
