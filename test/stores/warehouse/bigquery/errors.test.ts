import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBigQueryCheck } from '../../../../src/stores/warehouse/bigquery/check.js';
import { liesIn } from '../../../../src/stores/warehouse/bigquery/staging-bucket.js';
import { isInsert, type BigQueryServer, type Resource } from '../../../support/bigquery-server.js';
import { useTempDir } from '../../../support/temp-dir.js';
import { bigQueryConfig } from '../../../support/warehouses.js';
import { useServedWarehouse } from '../../../support/bigquery-warehouse.js';
import { batchId, event, type Fixture } from '../fixture.js';

describe('errors of the BigQuery warehouse', function () {
  this.timeout(30_000);
  const served = useServedWarehouse();
  let server: BigQueryServer;
  let fixture: Fixture;
  let endpoint: string;

  beforeEach(() => {
    ({ server, fixture, endpoint } = served());
  });

  const load = (loadId = 'w1') => fixture.load(loadId, [fixture.batch(batchId(1), [event('a')])]);

  const answers = [
    [403, 'quotaExceeded', 'WAREHOUSE_QUOTA', /quota is used up; the data is kept/],
    [403, 'rateLimitExceeded', 'WAREHOUSE_QUOTA', /too much at once/],
    [429, 'whatever', 'WAREHOUSE_QUOTA', /too much at once/],
    [403, 'accessDenied', 'WAREHOUSE_REFUSED', /bigquery\.jobUser.*bigquery\.dataEditor/],
    [403, 'billingNotEnabled', 'WAREHOUSE_REFUSED', /enable billing for the project headgate-test/],
    [401, 'authError', 'WAREHOUSE_REFUSED', /credentials are not taken/],
    [404, 'notFound', 'WAREHOUSE_REFUSED', /project, dataset or table is not there/],
    [500, 'internalError', 'WAREHOUSE_UNAVAILABLE', /HTTP 500/],
    [503, 'backendError', 'WAREHOUSE_UNAVAILABLE', /HTTP 503/],
    [400, 'invalid', 'WAREHOUSE_FAILED', /does not take the rows.*as told/],
  ] as const;
  for (const [status, reason, code, message] of answers)
    it(`are ${code} when it answers ${status} ${reason}`, async () => {
      server.refuse = (asked) => (isInsert(asked) ? { status, reason } : undefined);
      const retryAfter = code === 'WAREHOUSE_QUOTA';
      await assert.rejects(load(), (error: Error & { code: string; retryAfterSeconds?: number }) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        assert.equal((error.retryAfterSeconds ?? 0) > 0, retryAfter);
        return (error as { retryable?: boolean }).retryable === true;
      });
      server.refuse = () => undefined;
      assert.equal((await load()).rows, 1, 'the load goes on when it is fixed');
    });

  const outcomes = [
    [
      'invalid',
      'Error while reading data: no such field',
      'WAREHOUSE_FAILED',
      /row 2: Error while reading data/,
    ],
    ['quotaExceeded', 'too many loads', 'WAREHOUSE_QUOTA', /quota is used up/],
    ['backendError', 'try again', 'WAREHOUSE_UNAVAILABLE', /try again/],
    ['jobBackendError', 'try again', 'WAREHOUSE_UNAVAILABLE', /try again/],
    ['accessDenied', 'Permission denied on the table', 'WAREHOUSE_REFUSED', /bigquery\.dataEditor/],
    ['notFound', 'Not found: Table', 'WAREHOUSE_REFUSED', /is not there/],
    ['invalid', 'Cannot use cryptoKeys/k in location US', 'WAREHOUSE_REFUSED', /cryptoKeyEncrypterDecrypter/],
    ['invalid', 'Cannot read in location: dataset EU, bucket US', 'WAREHOUSE_REFUSED', /all must be in EU/],
  ] as const;
  for (const [reason, said, code, message] of outcomes)
    it(`are ${code} when a job has failed: ${reason}, ${said}`, async () => {
      const errorResult = { reason, message: said, location: 'row 2' };
      server.outcome = (): Resource => ({ status: { state: 'DONE', errorResult } });
      await assert.rejects(load(), { code, message, retryable: true });
    });

  it('of rows are not tried again at once: each job that fails is one of the 1,500 of a day', async () => {
    const errorResult = { reason: 'invalid', message: 'no such field: location of the KMS job' };
    const errors = [errorResult, { reason: 'invalid', message: 'Could not parse', location: 'rows.ndjson' }];
    server.outcome = (): Resource => ({ status: { state: 'DONE', errorResult, errors } });
    await assert.rejects(load(), (error: Error & { code?: string; retryAfterSeconds?: number }) => {
      assert.equal(error.code, 'WAREHOUSE_FAILED');
      assert.match(error.message, /: no such field: location of the KMS job; rows\.ndjson: Could not parse$/);
      return error.retryAfterSeconds === 600;
    });
  });

  it('pass without help when nothing answers', async () => {
    server.close();
    await assert.rejects(load(), { code: 'WAREHOUSE_UNAVAILABLE', message: /ECONNREFUSED/, retryable: true });
  });

  it('name both locations when the dataset lies elsewhere, and nothing is made there', async () => {
    server.resources.set('datasets/d_UA', { location: 'US' });
    const problem = { code: 'WAREHOUSE_REFUSED', message: /d_UA is in US, .* says EU/ };
    await assert.rejects(load(), problem);
    await assert.rejects(createBigQueryCheck({ endpoint })(bigQueryConfig('d', 'UA')), problem);
    assert.ok(server.asked.every(({ method }) => method === 'GET'));
    server.resources.set('datasets/d_UA', { location: 'eu' });
    assert.equal((await load()).rows, 1);
  });

  it('say that a dataset is gone which had been loaded into, and do not make another', async () => {
    await load();
    for (const path of [...server.resources.keys()]) server.resources.delete(path);
    await fixture.restart();
    const second = () => fixture.load('w2', [fixture.batch(batchId(2), [event('b')])]);
    const problem = {
      code: 'WAREHOUSE_REFUSED',
      message: /d_UA has been deleted.*bq mk --dataset --location=EU/,
    };
    await assert.rejects(second(), problem);
    server.resources.set('datasets/d_UA', { location: 'EU' });
    assert.equal((await second()).rows, 1);
  });

  it('make a table again that is gone, once a job has missed it', async () => {
    await load();
    server.resources.delete('datasets/d_UA/tables/events');
    const errorResult = { reason: 'notFound', message: 'Not found: Table d_UA.events' };
    server.outcome = () =>
      server.resources.has('datasets/d_UA/tables/events')
        ? { status: { state: 'DONE' } }
        : { status: { state: 'DONE', errorResult } };
    const second = () => fixture.load('w2', [fixture.batch(batchId(2), [event('b')])]);
    await assert.rejects(second(), { code: 'WAREHOUSE_REFUSED' });
    assert.equal((await second()).rows, 1);
  });

  describe('with credentials', () => {
    const dir = useTempDir();
    const before = process.env.GOOGLE_APPLICATION_CREDENTIALS;
    afterEach(() => {
      if (before === undefined) delete process.env.GOOGLE_APPLICATION_CREDENTIALS;
      else process.env.GOOGLE_APPLICATION_CREDENTIALS = before;
    });

    const key = (more: object) => ({
      type: 'authorized_user',
      client_id: 'id',
      client_secret: 'secret',
      refresh_token: 'token',
      ...more,
    });
    for (const [what, content, said] of [
      ['are not there', undefined, /does not exist/],
      ['are not JSON', 'no key', /JSON|Unexpected/],
      ['name no account', '{}', /./],
      [
        'have a damaged private key',
        JSON.stringify({ ...key({ type: 'service_account' }), client_email: 'a@b', private_key: 'x' }),
        /./,
      ],
    ] as const)
      it(`that ${what} say what to do, and do not end the process`, async () => {
        const path = join(dir(), 'key.json');
        if (content !== undefined) writeFileSync(path, content);
        process.env.GOOGLE_APPLICATION_CREDENTIALS = path;
        await assert.rejects(
          createBigQueryCheck({})(bigQueryConfig('d', 'UA')),
          (error: Error & { code?: string }) => {
            assert.equal(error.code, 'WAREHOUSE_REFUSED', error.message);
            assert.match(error.message, /GOOGLE_APPLICATION_CREDENTIALS to a key file/);
            assert.doesNotMatch(error.message, /secret|refresh_token/);
            return said.test(error.message);
          },
        );
      });
  });

  it('know which bucket lies with which dataset', () => {
    const together = [
      ['EU', 'EU'],
      ['europe-west3', 'EU'],
      ['EUROPE-WEST3', 'europe-west3'],
      ['EUR4', 'EU'],
      // A dataset in the US takes any bucket.
      ['us-central1', 'US'],
      ['NAM4', 'US'],
      ['EU', 'US'],
      ['EUROPE-WEST3', 'US'],
      ['asia-east1', 'us'],
      // The region may be one of the pair: BigQuery knows.
      ['EUR4', 'europe-west4'],
    ];
    const apart = [
      ['US', 'EU'],
      ['EU', 'europe-west3'],
      ['EUROPE-WEST1', 'europe-west3'],
      ['US', 'us-central1'],
      ['us-east1', 'us-central1'],
      // London and Zürich are not in the EU.
      ['EUROPE-WEST2', 'EU'],
      ['europe-west6', 'EU'],
      ['NAM4', 'EU'],
      ['', 'EU'],
    ];
    for (const [bucket = '', dataset = ''] of together)
      assert.equal(liesIn(bucket, dataset), true, `${bucket} in ${dataset}`);
    for (const [bucket = '', dataset = ''] of apart)
      assert.equal(liesIn(bucket, dataset), false, `${bucket} in ${dataset}`);
  });
});
