import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { HeadgateError } from '../../../../src/errors.js';
import { exportTenant } from '../../../../src/stores/warehouse/parquet/export.js';
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
        ['decisions', 12],
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

    it('keeps odd keys, and takes data that is no object as no properties', async () => {
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
          ...[1, '9007199254740993', 2, 1.5, 1e300, 'NaN', null, '2024-01-01T05:00:00.000001Z', 'infinity'],
          ...['1600-01-01T00:00:00.500Z', [1], { j: { a: [1] } }, { a: [1, null] }, '2024-02-03', true, 1],
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
        SELECT s FROM (SELECT repeat(i::VARCHAR, 30) AS s, (i * 7919) % 1000003 AS k FROM range(2500000) t(i)) ORDER BY k, s OFFSET 1)`;
      await leavesNoTemporaryFile(async () => assert.deepEqual(await fixture.rows(sql), [[2_499_999, 210]]));
    });
  });

  describe('reads', () => {
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
        await fixture.put(1, [event('a')]);
        assert.ok((await fixture.rows(sql)).length > 0);
      });
    }
  });

  describe('is refused or fails, changing nothing:', () => {
    /** Everything there is, byte by byte. */
    const snapshot = (): Record<string, string> => {
      const entries = readdirSync(fixture.dir, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      return Object.fromEntries(files.map((file) => [file, readFileSync(file).toString('base64')]));
    };
    let own: string;
    let theirs: string;

    beforeEach(async () => {
      const file = async (tenant: string): Promise<string> => {
        const { file } = await fixture.put(1, [event(`secret of ${tenant}`)], 'events', tenant);
        return join(fixture.root, tenant, file ?? '');
      };
      own = await file('UA');
      theirs = await file('DL');
    });

    const attacks: Record<string, (at: { own: string; theirs: string; dir: string }) => [string, string]> = {
      'COPY to a file of its own': ({ own }) => [
        'QUERY_REFUSED',
        `COPY (SELECT 1 AS id) TO '${own}' (FORMAT parquet)`,
      ],
      'COPY to another place': ({ dir }) => ['QUERY_REFUSED', `COPY events TO '${dir}/out.csv'`],
      'COPY after a SELECT': ({ dir }) => ['QUERY_REFUSED', `SELECT 1; COPY events TO '${dir}/out.csv'`],
      'COPY behind EXPLAIN ANALYZE, to a file of its own': ({ own }) => [
        'QUERY_REFUSED',
        `EXPLAIN ANALYZE COPY (SELECT 1 AS id) TO '${own}' (FORMAT parquet)`,
      ],
      'COPY behind EXPLAIN ANALYZE in brackets and comments': ({ own }) => [
        'QUERY_FAILED',
        `/**/EXPLAIN/**/(ANALYZE) COPY (SELECT 1 AS id) TO '${own}' (FORMAT parquet)`,
      ],
      'COPY behind EXPLAIN EXPLAIN': ({ own }) => [
        'QUERY_REFUSED',
        `EXPLAIN EXPLAIN ANALYZE COPY (SELECT 1) TO '${own}'`,
      ],
      'COPY after a NUL': ({ own }) => ['QUERY_REFUSED', `COPY (SELECT 1) TO '${own}' --\0\nSELECT 1`],
      'COPY in a prepared statement': ({ own }) => [
        'QUERY_REFUSED',
        `PREPARE p AS COPY (SELECT 1) TO '${own}'`,
      ],
      'COPY as text for query()': ({ own }) => [
        'QUERY_REFUSED',
        `FROM query('COPY (SELECT 1) TO ''${own}''')`,
      ],
      'CREATE TABLE': () => ['QUERY_REFUSED', 'CREATE TABLE x AS SELECT 1'],
      'a view in place of ours': () => ['QUERY_REFUSED', 'CREATE OR REPLACE VIEW events AS SELECT 1 AS id'],
      'DROP VIEW': () => ['QUERY_REFUSED', 'DROP VIEW events'],
      INSERT: () => ['QUERY_REFUSED', 'INSERT INTO events SELECT * FROM events'],
      DELETE: () => ['QUERY_REFUSED', 'DELETE FROM events'],
      ATTACH: ({ dir }) => ['QUERY_REFUSED', `ATTACH '${dir}/new.db' AS x`],
      'EXPORT DATABASE': ({ dir }) => ['QUERY_REFUSED', `EXPORT DATABASE '${dir}/out'`],
      'IMPORT DATABASE': ({ dir }) => ['QUERY_REFUSED', `IMPORT DATABASE '${dir}'`],
      INSTALL: () => ['QUERY_REFUSED', 'INSTALL httpfs'],
      LOAD: () => ['QUERY_REFUSED', 'LOAD httpfs'],
      SET: () => ['QUERY_REFUSED', 'SET enable_external_access = true'],
      'SET lock_configuration': () => ['QUERY_REFUSED', 'SET GLOBAL lock_configuration = false'],
      RESET: () => ['QUERY_REFUSED', 'RESET lock_configuration'],
      PRAGMA: () => ['QUERY_REFUSED', `PRAGMA enable_profiling = 'json'`],
      'PRAGMA import_database': ({ dir }) => ['QUERY_REFUSED', `PRAGMA import_database('${dir}')`],
      CALL: () => ['QUERY_REFUSED', 'CALL enable_logging()'],
      'enable_logging to a directory': ({ dir }) => [
        'QUERY_REFUSED',
        `SELECT * FROM enable_logging(storage = 'file', storage_path = '${dir}/logs')`,
      ],
      'enable_logging in a subquery': ({ dir }) => [
        'QUERY_REFUSED',
        `SELECT (SELECT count(*) FROM "ENABLE_Logging"(storage = 'file', storage_path = '${dir}/logs'))`,
      ],
      'enable_profiling over a file of its own': ({ own }) => [
        'QUERY_REFUSED',
        `EXPLAIN ANALYZE SELECT * FROM enable_profiling(save_location = '${own}')`,
      ],
      'a file of the machine': () => ['QUERY_REFUSED', "SELECT * FROM read_text('/etc/passwd')"],
      'a file of the machine as a table': () => ['QUERY_FAILED', "SELECT * FROM '/etc/passwd'"],
      'a CSV of the machine as a table': ({ dir }) => ['QUERY_FAILED', `SELECT * FROM '${dir}/x.csv'`],
      'a directory listing': () => ['QUERY_REFUSED', "SELECT * FROM glob('/etc/*')"],
      'the network': () => ['QUERY_FAILED', "SELECT * FROM 'http://127.0.0.1:1/x.parquet'"],
      "another tenant's file": ({ theirs }) => ['QUERY_FAILED', `SELECT * FROM '${theirs}'`],
      "another tenant's file by read_parquet": ({ theirs }) => [
        'QUERY_REFUSED',
        `FROM read_parquet('${theirs}')`,
      ],
      "another tenant's file by ..": ({ own }) => [
        'QUERY_FAILED',
        `SELECT * FROM '${own.replace('/UA/', '/UA/events/../../DL/')}'`,
      ],
      "another tenant's file by a symbolic link": ({ own }) => [
        'QUERY_FAILED',
        `FROM '${join(own, '..', 'link', 'load-1.parquet')}'`,
      ],
      'two statements': () => ['QUERY_REFUSED', 'SELECT 1; SELECT 2'],
      'no statement': () => ['QUERY_REFUSED', ' -- nothing'],
    };

    for (const [name, attack] of Object.entries(attacks)) {
      it(name, async () => {
        symlinkSync(join(theirs, '..'), join(own, '..', 'link'));
        writeFileSync(join(fixture.dir, 'x.csv'), 'a,b\n1,2\n');
        const before = snapshot();
        const [wanted, sql] = attack({ own, theirs, dir: fixture.dir });
        await assert.rejects(fixture.rows(sql), (error: Error) => {
          assert.ok(code(wanted)(error), `${(error as HeadgateError).code}: ${error.message}`);
          if (wanted === 'QUERY_REFUSED') assert.match(error.message, /SELECT.*is allowed/);
          return true;
        });
        assert.deepEqual(snapshot(), before);
      });

      it(`${name}, as the query of an export`, async () => {
        symlinkSync(join(theirs, '..'), join(own, '..', 'link'));
        writeFileSync(join(fixture.dir, 'x.csv'), 'a,b\n1,2\n');
        const before = snapshot();
        const [, sql] = attack({ own, theirs, dir: fixture.dir });
        const path = join(fixture.dir, 'exported.csv');
        await assert.rejects(
          exportTenant({ root: fixture.root, tenant: 'UA', sql, format: 'csv', path }),
          (error: Error) => code('QUERY_REFUSED')(error) || code('QUERY_FAILED')(error),
        );
        assert.deepEqual(snapshot(), before);
      });
    }

    it('a tenant id that climbs out', async () => {
      for (const tenant of ['..', '../DL', 'UA/../DL', '', 'UA\0']) {
        await assert.rejects(fixture.rows('SELECT 1', tenant), code('TENANT_ID_INVALID'));
      }
    });

    it('symbolic links to another tenant lead nowhere, at any level', async () => {
      const day = join(fixture.root, 'DL', 'events', 'day=2024-03-10');
      symlinkSync(day, join(fixture.root, 'UA', 'events', 'day=2024-03-11'));
      symlinkSync(theirs, join(own, '..', 'linked.parquet'));
      symlinkSync(join(fixture.root, 'DL', 'events'), join(fixture.root, 'UA', 'user_properties'));
      symlinkSync(join(fixture.root, 'DL'), join(fixture.root, 'AA'));
      assert.deepEqual(await fixture.rows('SELECT id FROM events'), [['secret of UA']]);
      assert.deepEqual(await fixture.rows('SELECT id FROM user_properties'), []);
      assert.deepEqual(await fixture.rows('SELECT id FROM events', 'AA'), []);
      // The same file in its place as a copy is read: it is the link that is passed over.
      mkdirSync(join(fixture.root, 'UA', 'events', 'day=2024-03-12'));
      cpSync(theirs, join(fixture.root, 'UA', 'events', 'day=2024-03-12', 'copy.parquet'));
      assert.equal((await fixture.rows('SELECT id FROM events')).length, 2);
    });
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
