import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileLoadClaims } from '../../../../src/stores/load-claims/file.js';
import { createBigQueryWarehouse } from '../../../../src/stores/warehouse/bigquery/bigquery.js';
import { createStagingBucket } from '../../../../src/stores/warehouse/bigquery/staging-bucket.js';
import { BigQueryServer, isInsert } from '../../../support/bigquery-server.js';
import { skipWithoutFakeGcs, startFakeGcs, type FakeGcs } from '../../../support/fake-gcs.js';
import { useTempDir } from '../../../support/temp-dir.js';
import { bigQueryConfig } from '../../../support/warehouses.js';
import { batchId, event, Fixture } from '../fixture.js';

const BUCKET = 'headgate-batches';

describe('files that BigQuery loads from a bucket', () => {
  const dir = useTempDir();
  let gcs: FakeGcs | undefined;

  before(async function () {
    skipWithoutFakeGcs(this);
    gcs = await startFakeGcs(BUCKET, undefined, 'US-EAST1');
  });
  after(() => gcs?.stop());

  const open = (prefix = 'prod') =>
    createStagingBucket({ bucket: BUCKET, prefix, endpoint: (gcs as FakeGcs).endpoint });
  const names = async () => (await (gcs as FakeGcs).bucket.getFiles())[0].map(({ name }) => name).sort();
  const file = (): string => {
    const path = join(dir(), 'rows.ndjson');
    writeFileSync(path, '{"id":"a"}\n');
    return path;
  };

  it('are put beside the tenants, and deleted when they are loaded', async () => {
    const { uri, remove } = await open().put('UA', '2024-03-10', 'job_0', file());
    assert.equal(uri, `gs://${BUCKET}/prod/_loads/UA/2024-03-10/job_0.ndjson`);
    const [bytes] = await (gcs as FakeGcs).bucket.file('prod/_loads/UA/2024-03-10/job_0.ndjson').download();
    assert.equal(bytes.toString(), '{"id":"a"}\n');
    await remove();
    assert.deepEqual(await names(), []);
  });

  it('are put there in pieces where they are large', async () => {
    const path = join(dir(), 'large.ndjson');
    const bytes = randomBytes(20 * 1024 ** 2);
    writeFileSync(path, bytes);
    const { remove } = await open().put('UA', '2024-03-10', 'large_0', path);
    const file = (gcs as FakeGcs).bucket.file('prod/_loads/UA/2024-03-10/large_0.ndjson');
    const [stored] = await file.download();
    assert.ok(stored.equals(bytes));
    await remove();
  });

  it('are deleted two days after a crash, of the tenant whose load comes by', async () => {
    const today = new Date().toISOString().slice(0, 10);
    for (const [tenant, day] of [
      ['UA', '2024-03-10'],
      ['UA', today],
      ['DL', '2024-03-10'],
    ] as const)
      await (gcs as FakeGcs).bucket
        .file(`prod/_loads/${tenant}/${day}/left.ndjson`)
        .save('x', { resumable: false });
    const { remove } = await open().put('UA', today, 'job_0', file());
    await remove();
    assert.deepEqual(await names(), [
      'prod/_loads/DL/2024-03-10/left.ndjson',
      `prod/_loads/UA/${today}/left.ndjson`,
    ]);
  });

  for (const encrypted of [false, true])
    it(`are ${encrypted ? 'uploaded with their job where batches are encrypted' : 'named by their job'}`, async () => {
      const server = new BigQueryServer();
      const endpoint = await server.listen();
      const bucket = { bucket: BUCKET, prefix: `of-${encrypted}`, endpoint: (gcs as FakeGcs).endpoint };
      const fixture = new Fixture('headgate-bigquery-', ({ dir: root }) =>
        createBigQueryWarehouse({
          endpoint,
          bucket,
          encrypted,
          staging: join(root, 'staging'),
          configOf: (tenant) => bigQueryConfig('d', tenant, { location: 'US' }),
          claims: createFileLoadClaims(join(root, 'claims')),
        }),
      );
      try {
        await fixture.load('w1', [fixture.batch(batchId(1), [event('a')])]);
        const [inserted] = server.asked.filter(isInsert);
        const [jobId] = server.submitted();
        const { load } = inserted?.body.configuration as { load: { sourceUris?: string[] } };
        const uri = `gs://${BUCKET}/of-false/_loads/UA/2024-03-10/${jobId}.ndjson`;
        assert.deepEqual([load.sourceUris, inserted?.lines.length], encrypted ? [undefined, 1] : [[uri], 0]);
        assert.deepEqual(
          (await names()).filter((name) => name.startsWith('of-')),
          [],
        );
      } finally {
        await fixture.close();
        server.close();
      }
    });

  it('are refused where bucket and dataset do not lie together', async () => {
    await assert.rejects(open().assertLocation(bigQueryConfig('d', 'UA')), {
      code: 'WAREHOUSE_REFUSED',
      message: /gs:\/\/headgate-batches is in US-EAST1, and the dataset headgate-test\.d_UA in EU/,
    });
    await open().assertLocation(bigQueryConfig('d', 'UA', { location: 'US' }));
  });
});
