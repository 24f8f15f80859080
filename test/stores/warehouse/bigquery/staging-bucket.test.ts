import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createStagingBucket } from '../../../../src/stores/warehouse/bigquery/staging-bucket.js';
import { skipWithoutFakeGcs, startFakeGcs, type FakeGcs } from '../../../support/fake-gcs.js';
import { useTempDir } from '../../../support/temp-dir.js';
import { bigQueryConfig } from '../../../support/warehouses.js';

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

  it('are refused where bucket and dataset do not lie together', async () => {
    await assert.rejects(open().assertLocation(bigQueryConfig('d', 'UA')), {
      code: 'WAREHOUSE_REFUSED',
      message: /gs:\/\/headgate-batches is in US-EAST1, and the dataset headgate-test\.d_UA in EU/,
    });
    await open().assertLocation(bigQueryConfig('d', 'UA', { location: 'US' }));
  });
});
