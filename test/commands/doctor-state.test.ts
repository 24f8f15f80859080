import assert from 'node:assert/strict';
import pg from 'pg';
import { checkState } from '../../src/commands/check-state.js';
import { freePort } from '../../bench/system/free-port.js';
import { newStateUrl, placeOf, usePostgres } from '../support/postgres.js';
import { openStateAt } from '../support/state-stores.js';

describe('headgate doctor, of a state on Postgres', () => {
  const server = usePostgres();
  let admin: pg.Client;
  let url: string;

  before(async () => {
    admin = new pg.Client({ connectionString: server().url() });
    admin.on('error', () => undefined);
    await admin.connect();
  });
  after(() => admin?.end());
  beforeEach(() => {
    url = newStateUrl(server());
  });

  it('says which it is, and changes nothing there', async () => {
    const finding = await checkState(placeOf(url));
    assert.match(finding.found, /Postgres \d+\.\d+, a round trip takes .* the first start makes the tables/);
    assert.notEqual(finding.verdict, 'fail');
    const { schema } = placeOf(url);
    const { rowCount } = await admin.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
    assert.equal(rowCount, 0);
  });

  it('looks at one that is in use without being in its way', async () => {
    const store = await openStateAt(url);
    assert.doesNotMatch((await checkState(placeOf(url))).found, /first start/);
    await store.checkpoint({ subjects: [], watermarks: new Map([['UA', 1]]) });
    await store.close();
  });

  it('fails for a server that is not there: the start will wait', async () => {
    const nowhere = { ...placeOf(url), port: await freePort() };
    const { verdict, found, fix } = await checkState(nowhere);
    assert.match(fix ?? '', /waits at its start/, found);
    assert.equal(verdict, 'fail');
  });

  it('fails for a user who may not make the tables, and says what to allow', async () => {
    await admin.query('CREATE ROLE reader LOGIN');
    const { verdict, found, fix } = await checkState({ ...placeOf(url), user: 'reader' });
    assert.match(found, /AUTHORIZATION "reader"/);
    assert.deepEqual([verdict, /does not start/.test(fix ?? '')], ['fail', true]);
  });

  it('fails for tables of a newer Headgate', async () => {
    await (await openStateAt(url)).close();
    await admin.query(`INSERT INTO ${placeOf(url).schema}.schema_migrations (version) VALUES (99)`);
    assert.match((await checkState(placeOf(url))).found, /version 99/);
  });
});
