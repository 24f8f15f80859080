import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { recipeAfter } from '../support/documents.js';
import { killAll, runHeadgate, spawnHeadgate, type Finished } from '../support/headgate.js';
import { until } from '../support/until.js';
import { event, Fixture } from '../stores/warehouse/fixture.js';

const ROOT = new URL('../../', import.meta.url);

describe('headgate query, writing files', function () {
  this.timeout(60_000);
  let fixture: Fixture;
  let path: (name: string) => string;

  before(async () => {
    fixture = new Fixture();
    path = (name) => join(fixture.dir, 'out', name);
    await fixture.put(1, [event('a'), event('b', { type: 'other' })], 'events', 'acme');
    await fixture.put(2, [event('a', { data: 'repeated' }), event('c')], 'events', 'acme');
  });
  after(async () => {
    await killAll();
    await fixture.close();
  });

  const run = (...args: string[]): Promise<Finished> =>
    runHeadgate(['query', 'acme', ...args], { HEADGATE_DATA_DIR: fixture.dir });
  const IDS = 'SELECT id FROM events ORDER BY id';

  it('takes the format from the ending of the file, or from --format', async () => {
    for (const [name, ...more] of [
      ['ids.csv'],
      ['ids.json'],
      ['ids.jsonl'],
      ['ids.parquet'],
      ['ids.txt', '--format', 'csv'],
    ] as [string, ...string[]][]) {
      const { code, stdout, stderr } = await run(IDS, '--out', path(name), ...more);
      assert.deepEqual([code, stdout, stderr], [0, `3 rows written to ${path(name)}\n`, '']);
    }
    assert.equal(readFileSync(path('ids.csv'), 'utf8'), 'id\na\nb\nc\n');
    assert.equal(readFileSync(path('ids.txt'), 'utf8'), 'id\na\nb\nc\n');
    assert.deepEqual(JSON.parse(readFileSync(path('ids.json'), 'utf8')), [
      { id: 'a' },
      { id: 'b' },
      { id: 'c' },
    ]);
    assert.equal(readFileSync(path('ids.jsonl'), 'utf8'), '{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n');
    assert.equal(readFileSync(path('ids.parquet')).subarray(0, 4).toString(), 'PAR1');
  });

  it('prints CSV and NDJSON where no file is named', async () => {
    assert.equal((await run(IDS, '--format', 'csv')).stdout, 'id\na\nb\nc\n');
    assert.equal((await run(IDS, '--format', 'ndjson')).stdout, '{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n');
  });

  it('ends quietly when what it prints into has read enough', () => {
    const bin = fileURLToPath(new URL('bin/headgate.mjs', ROOT));
    const line = `"$0" "$1" query acme 'FROM range(3000000)' --format csv | head -2`;
    const { stdout, stderr } = spawnSync('sh', ['-c', line, process.execPath, bin], {
      env: { ...process.env, HEADGATE_DATA_DIR: fixture.dir },
      encoding: 'utf8',
    });
    assert.deepEqual([stdout, stderr], ['range\n0\n', '']);
  });

  it('says what is wrong, in one line, and writes nothing', async () => {
    await run(IDS, '--out', path('there.csv'));
    const problems: [string[], RegExp][] = [
      [
        ['--out', path('there.csv')],
        /^headgate: .*there\.csv is there already; --force replaces it\. \[FILE_EXISTS\]$/,
      ],
      [['--out', path('x.dat')], /names no format: say --format .*\[PARAMETER_INVALID\]$/],
      [['--out', path('x.csv'), '--format', 'table'], /A table is for the terminal.*\[PARAMETER_INVALID\]$/],
      [['--format', 'parquet'], /name a file with --out\. \[PARAMETER_INVALID\]$/],
    ];
    for (const [args, message] of problems) {
      const { code, stdout, stderr } = await run(IDS, ...args);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr.trimEnd(), message);
    }
    const forced = await run('SELECT 1 AS n', '--out', path('there.csv'), '--force');
    assert.equal(forced.code, 0);
    assert.equal(readFileSync(path('there.csv'), 'utf8'), 'n\n1\n');
    assert.equal(existsSync(path('x.csv')), false);
  });

  it('removes what it has half written at Ctrl-C', async () => {
    const sql = 'SELECT i, md5(i::VARCHAR) AS h FROM range(10000000000) t(i)';
    const query = spawnHeadgate(['query', 'acme', sql, '--out', path('long.csv')], {
      HEADGATE_DATA_DIR: fixture.dir,
    });
    const written = () => readdirSync(join(fixture.dir, 'out')).filter((name) => name.includes('long.csv'));
    await until(() => assert.equal(written().length, 1), 20_000);
    const { code, stderr } = await query.signal('SIGINT');
    assert.deepEqual([code, stderr], [1, 'headgate: The query was stopped. [QUERY_FAILED]\n']);
    assert.deepEqual(written(), []);
  });

  const READ = 'SELECT id, data, load_id FROM acme.events ORDER BY id';
  const EACH_ONCE = [
    ['a', '{"n":1}', 'load-1'],
    ['b', '{"n":1}', 'load-1'],
    ['c', '{"n":1}', 'load-2'],
  ];

  /** Makes a database by SQL, and reads it as another process would. */
  async function readBack(sql: string, name: string): Promise<unknown[][]> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      await connection.run(`${sql} DETACH acme`);
      await connection.run(`ATTACH '${path(name)}' AS acme (READ_ONLY)`);
      return (await connection.runAndReadAll(READ)).getRowsJson();
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  for (const state of ['before', 'after'] as const) {
    describe(`${state} a compaction`, () => {
      const name = `acme-${state}.duckdb`;
      before(async () => {
        // What it has replaced is kept, beside what it has made.
        if (state === 'after')
          assert.equal((await runHeadgate(['compact', 'acme'], { HEADGATE_DATA_DIR: fixture.dir })).code, 0);
      });

      it('has a page that says how DuckDB reads the files: each id once', async () => {
        const here = recipeAfter('docs/how-to/read-the-parquet-files.md', '## DuckDB', 'sql')
          .replaceAll('.headgate/', `${fixture.dir}/`)
          .replaceAll("'acme.duckdb'", `'${path(name)}'`);
        assert.deepEqual(await readBack(here, name), EACH_ONCE);
      });

      it('gives another DuckDB its own views', async () => {
        const { stdout, stderr } = await run('--views');
        assert.equal(stderr, '');
        const sql = `ATTACH '${path(`views-${name}`)}' AS acme; USE acme; ${stdout} USE memory;`;
        assert.deepEqual(await readBack(sql, `views-${name}`), EACH_ONCE);
      });
    });
  }

  it('needs a query, or to be asked for the views', async () => {
    assert.match((await run()).stderr, /Give a query.*\[PARAMETER_INVALID\]/);
    assert.match((await run(IDS, '--views', '--json')).stderr, /cannot be used with/);
  });
});
