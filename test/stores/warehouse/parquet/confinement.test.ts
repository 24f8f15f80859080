import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError } from '../../../../src/errors.js';
import { exportTenant } from '../../../../src/stores/warehouse/parquet/export.js';
import { event, Fixture } from '../fixture.js';

const code = (wanted: string) => (error: unknown) => error instanceof HeadgateError && error.code === wanted;

/** A warehouse of two tenants, with an event of each. */
interface TwoTenants {
  readonly fixture: Fixture;
  /** The file of the tenant who asks. */
  readonly own: string;
  /** The file of the other. */
  readonly theirs: string;
}

async function twoTenants(): Promise<TwoTenants> {
  const fixture = new Fixture();
  const file = async (tenant: string): Promise<string> => {
    const { file } = await fixture.put(1, [event(`secret of ${tenant}`)], 'events', tenant);
    return join(fixture.root, tenant, file ?? '');
  };
  return { fixture, own: await file('UA'), theirs: await file('DL') };
}

describe("in a query over a tenant's warehouse is refused or fails, changing nothing:", function () {
  this.timeout(20_000);
  /** Everything there is, byte by byte. */
  const snapshot = (): Record<string, string> => {
    const entries = readdirSync(fixture.dir, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    return Object.fromEntries(files.map((file) => [file, readFileSync(file).toString('base64')]));
  };
  let fixture: Fixture;
  let own: string;
  let theirs: string;

  // All ask the same warehouse: each finds it as it was.
  before(async () => {
    ({ fixture, own, theirs } = await twoTenants());
    symlinkSync(join(theirs, '..'), join(own, '..', 'link'));
    writeFileSync(join(fixture.dir, 'x.csv'), 'a,b\n1,2\n');
  });
  after(() => fixture.close());

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
    'COPY as text for query()': ({ own }) => ['QUERY_REFUSED', `FROM query('COPY (SELECT 1) TO ''${own}''')`],
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
    const linked = await twoTenants();
    try {
      await assertLinksLeadNowhere(linked);
    } finally {
      await linked.fixture.close();
    }
  });
});

async function assertLinksLeadNowhere({ fixture, own, theirs }: TwoTenants): Promise<void> {
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
}
