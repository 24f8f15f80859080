import assert from 'node:assert/strict';
import pg from 'pg';
import { HeadgateError } from '../../../src/errors.js';
import { newStateUrl, placeOf, usePostgres } from '../../support/postgres.js';
import { openStateAt, STATE_STORES, subjectIn, type StateStoreKind } from '../../support/state-stores.js';
import { conformsAsStateStore } from './conformance.js';

const kind = STATE_STORES.find(({ name }) => name === 'Postgres') as StateStoreKind;
const SOON_MS = 10_000;

const RECORD = '{"state":{"aggregates":{}},"decisions":{}}';

describe('the Postgres state store', () => {
  const { where, store } = conformsAsStateStore(kind);

  it('keeps subjects apart that Postgres or a list of lines could not tell apart', async () => {
    const names = ['\ud800', '\udbff', '\ufffd', '\ud800\ud800', 'a\ud800', '\\800', '\ud800'.repeat(512)];
    const subjects = names.map((subject, n) => ({
      tenant: 'UA',
      subject,
      json: JSON.stringify({
        profile: { values: { n }, times: {} },
        state: { aggregates: {} },
        decisions: {},
      }),
    }));
    await store().checkpoint({ subjects, watermarks: new Map() });
    for (const [n, name] of names.entries())
      assert.equal((await subjectIn(store(), 'UA', name))?.profile?.values.n, n, JSON.stringify(name));
  });

  it('waits for nothing that is not said to be in the place: it has no reads without a round trip', () => {
    assert.equal(store().subjectNow, undefined);
  });

  it('makes its tables once, and finds them again', async () => {
    await store().checkpoint({
      subjects: [{ tenant: 'UA', subject: 's1', json: RECORD }],
      watermarks: new Map([['UA', 3]]),
    });
    await store().close();
    const again = await openStateAt(where());
    assert.equal(again.watermark('UA'), 3);
    await again.close();
  });
});

describe('a state on Postgres that cannot be used', () => {
  const server = usePostgres();
  let admin: pg.Client;
  let url: string;

  async function connect(): Promise<void> {
    admin = new pg.Client({ connectionString: server().url() });
    admin.on('error', () => undefined);
    await admin.connect();
  }

  before(async () => {
    await connect();
    await admin.query('CREATE ROLE with_password NOLOGIN');
    await admin.query(`CREATE ROLE teller LOGIN PASSWORD 'secret-of-teller' IN ROLE with_password`);
    await admin.query(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`);
  });
  after(() => admin?.end());
  beforeEach(() => {
    url = newStateUrl(server());
  });

  /** The error with which it is refused, which must not have the password in it. */
  async function refusalOf(refused: string): Promise<string> {
    const opened = await openStateAt(refused).catch((error: unknown) => error);
    assert.ok(opened instanceof HeadgateError, 'it was opened');
    assert.deepEqual([opened.code, opened.retryable], ['STATE_REFUSED', false], opened.message);
    assert.doesNotMatch(JSON.stringify([opened, opened.message, opened.stack]), /secret-of|wrong-password/);
    return opened.message;
  }

  const as = (who: string, database = 'postgres'): string =>
    url.replace('headgate@', `${who}@`).replace('/postgres?', `/${database}?`);

  it('is refused for a wrong password, and says where the right one belongs', async () => {
    assert.match(await refusalOf(as('teller:wrong-password')), /HEADGATE_STATE or PGPASSWORD/);
  });

  it('is refused for a user that is not there', async () => {
    assert.match(await refusalOf(as('nobody-here')), /nobody-here/);
  });

  it('is refused for a database that is not there, and says how to make it', async () => {
    assert.match(await refusalOf(as('headgate', 'elsewhere')), /CREATE DATABASE "elsewhere"/);
  });

  it('is refused without the right to make a schema, and says how to give it; a schema of its own is enough', async () => {
    const message = await refusalOf(as('teller:secret-of-teller'));
    const grant = /CREATE SCHEMA \S+ AUTHORIZATION "teller"/.exec(message)?.[0];
    assert.ok(grant, message);
    await admin.query(grant);
    const store = await openStateAt(as('teller:secret-of-teller'));
    await store.checkpoint({ subjects: [], watermarks: new Map([['UA', 1]]) });
    await store.close();
  });

  it('is refused in a database of another encoding', async () => {
    assert.match(await refusalOf(as('headgate', 'latin')), /LATIN1.*UTF8/);
  });

  it('is refused over TLS by a server that has none', async () => {
    assert.match(await refusalOf(`${url}&sslmode=require`), /sslmode/);
  });

  it('is refused when a newer Headgate has made its tables, and is left as it is', async () => {
    await (await openStateAt(url)).close();
    const { schema } = placeOf(url);
    await admin.query(`INSERT INTO ${schema}.schema_migrations (version) VALUES (1000)`);
    assert.match(await refusalOf(url), /version 1000/);
    const { rows } = await admin.query(`SELECT epoch FROM ${schema}.owner`);
    assert.deepEqual(rows, [{ epoch: '1' }]);
  });

  it('is waited for when the server is not there, until it is', async function () {
    this.timeout(3 * SOON_MS);
    await server().crash();
    let opened = false;
    const opening = openStateAt(url).then((store) => {
      opened = true;
      return store;
    });
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.equal(opened, false);
    await server().start();
    await (await opening).close();
    await connect();
  });
});
