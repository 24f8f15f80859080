import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BigQueryServer } from '../support/bigquery-server.js';
import { runHeadgate } from '../support/headgate.js';
import { useTempDir } from '../support/temp-dir.js';
import { event, Fixture } from '../stores/warehouse/fixture.js';

const BIGQUERY = { kind: 'bigquery', project: 'headgate-test', location: 'EU' };
const ELSEWHERE = /is in BigQuery, headgate-test\.headgate_shop.*\n.*bq query --location=EU/;

describe('the commands, for a tenant in BigQuery', function () {
  this.timeout(60_000);
  const dir = useTempDir();
  let server: BigQueryServer;
  let endpoint: string;

  beforeEach(async () => {
    server = new BigQueryServer();
    endpoint = await server.listen();
  });
  afterEach(() => server.close());

  const run = (args: readonly string[], more: Record<string, string> = {}, dataDir = dir()) =>
    runHeadgate(args, { HEADGATE_DATA_DIR: dataDir, HEADGATE_BIGQUERY_ENDPOINT: endpoint, ...more });
  const given = (warehouse: object): string => {
    const path = join(dir(), 'given', 'shop.yaml');
    mkdirSync(join(dir(), 'given'), { recursive: true });
    writeFileSync(path, JSON.stringify({ tenant: 'shop', warehouse }));
    return path;
  };
  const applied = () => existsSync(join(dir(), 'tenants', 'shop.yaml'));

  it('apply no configuration whose location is not that of the dataset', async () => {
    server.resources.set('datasets/headgate_shop', { location: 'US' });
    const { code, stderr } = await run(['tenant', 'apply', given(BIGQUERY)]);
    assert.equal(code, 1);
    assert.match(stderr, /dataset headgate-test\.headgate_shop is in US, .* says EU.*WAREHOUSE_REFUSED/s);
    assert.equal(applied(), false);
    assert.equal((await run(['tenant', 'apply', given({ ...BIGQUERY, location: 'US' })])).stderr, '');
    assert.equal(applied(), true);
  });

  it('apply one that cannot be checked, and say so', async () => {
    const away = { HEADGATE_BIGQUERY_ENDPOINT: 'http://127.0.0.1:9' };
    const unreachable = await run(['tenant', 'apply', given(BIGQUERY)], away);
    assert.equal(unreachable.code, 0);
    assert.match(unreachable.stderr, /shop: where its warehouse lies is not checked.*ECONNREFUSED/);
    server.refuse = () => ({ status: 403, reason: 'accessDenied' });
    const refused = await run(['tenant', 'apply', given(BIGQUERY)]);
    assert.equal(refused.code, 0);
    assert.match(refused.stderr, /not checked.*bigquery\.dataEditor/);
    assert.equal(applied(), true);
  });

  it('say where its events are, rather than show an empty warehouse', async () => {
    await run(['tenant', 'apply', given(BIGQUERY)]);
    for (const args of [
      ['query', 'shop', 'SELECT 1'],
      ['compact', 'shop'],
      ['audit', '--tenant', 'shop'],
    ]) {
      const { code, stderr } = await run(args);
      assert.equal(code, 1, args.join(' '));
      assert.match(stderr, ELSEWHERE);
      assert.match(stderr, /WAREHOUSE_ELSEWHERE/);
    }
    const audit = await run(['audit']);
    assert.equal(audit.code, 0, audit.stderr);
    assert.match(audit.stderr, /Not audited\. The warehouse of tenant shop is in BigQuery/);
  });

  it('read the files of a tenant that had Parquet before, and say that they are not all', async () => {
    const fixture = new Fixture();
    try {
      await fixture.put(1, [event('a')], 'events', 'shop');
      await run(['tenant', 'apply', given(BIGQUERY), '--keep-data'], {}, fixture.dir);
      const { stdout, stderr, code } = await run(
        ['query', 'shop', 'SELECT id FROM events', '--json'],
        {},
        fixture.dir,
      );
      assert.deepEqual([code, JSON.parse(stdout)], [0, [{ id: 'a' }]]);
      assert.match(stderr, ELSEWHERE);
      assert.match(stderr, /These are the files from before/);
    } finally {
      await fixture.close();
    }
  });

  it('let the doctor say of which tenant BigQuery cannot be used, and why', async () => {
    const path = given(BIGQUERY);
    await run(['tenant', 'apply', path]);
    assert.match((await run(['doctor'])).stdout, /ok +bigquery +can be used by 1 tenant/);
    server.resources.set('datasets/headgate_shop', { location: 'US' });
    assert.match(
      (await run(['doctor'])).stdout,
      /fail +bigquery +1 of 1 tenant .*shop: .* is in US, .* says EU/,
    );
    server.refuse = () => ({ status: 503, reason: 'backendError' });
    assert.match((await run(['doctor'])).stdout, /warn +bigquery +.*HTTP 503/);
  });
});
