import assert from 'node:assert/strict';
import type { BigQueryServer, Resource } from '../../../support/bigquery-server.js';
import { useServedWarehouse } from '../../../support/bigquery-warehouse.js';
import { batchId, event, type Fixture } from '../fixture.js';

// Against a server of the tests, which keeps what it is given as Google documents: the emulator has no labels, keys or expirations.
describe('loads into BigQuery find a dataset, table and view that are there', function () {
  this.timeout(30_000);
  const served = useServedWarehouse();
  let server: BigQueryServer;
  let fixture: Fixture;

  beforeEach(() => {
    ({ server, fixture } = served());
    loads = 0;
  });

  const KEY = 'projects/p/locations/eu/keyRings/r/cryptoKeys/k';
  const DATASET = 'datasets/d_UA';
  const TABLE = `${DATASET}/tables/events`;
  const VIEW = `${TABLE}_deduped`;
  const at = (path: string) => server.resources.get(path) as Record<string, Resource>;
  let loads = 0;
  const load = () => again(served().config);
  /** Loads once more, as a process that has just started. */
  const again = async (next: object) => {
    served().config = next;
    loads += 1;
    server.asked.length = 0;
    await fixture.restart();
    await fixture.load(`w${loads}`, [fixture.batch(batchId(loads), [event(`again${loads}`)])]);
  };
  const patched = () => server.asked.filter(({ method }) => method === 'PATCH').map(({ path }) => path);

  it('whose partitions expire as the configuration says by now', async () => {
    await load();
    await again({ partitionExpirationMs: 86_400_000 });
    assert.equal(at(TABLE).timePartitioning?.expirationMs, '86400000');
    await again({ partitionExpirationMs: 86_400_000 });
    assert.deepEqual(patched(), []);
    await again({ partitionExpirationMs: 'never' });
    assert.equal(at(TABLE).timePartitioning?.expirationMs, null);
  });

  it('whose partitions expire as an administrator wants, where nothing is configured', async () => {
    await load();
    assert.deepEqual(at(TABLE).timePartitioning, { type: 'DAY', field: '_loaded_at' });
    // What BigQuery makes of a default of the dataset.
    at(TABLE).timePartitioning = { type: 'DAY', field: '_loaded_at', expirationMs: '5184000000' };
    await again({});
    assert.deepEqual(patched(), []);
    assert.equal(at(TABLE).timePartitioning?.expirationMs, '5184000000');
  });

  it('with labels that are configured by now, beside those of others', async () => {
    served().config = { labels: { team: 'data' } };
    await load();
    for (const path of [DATASET, TABLE, VIEW]) at(path).labels = { ...at(path).labels, cost: 'c7' };
    await again({ labels: { team: 'sales', größe: 'xl' } });
    for (const path of [DATASET, TABLE, VIEW])
      assert.deepEqual(at(path).labels, { team: 'sales', größe: 'xl', cost: 'c7' }, path);
    await again({ labels: { team: 'sales', größe: 'xl' } });
    assert.deepEqual(patched(), []);
  });

  it('with the key that is configured by now', async () => {
    await load();
    await again({ kmsKey: KEY });
    assert.deepEqual(at(TABLE).encryptionConfiguration, { kmsKeyName: KEY });
    assert.deepEqual(at(DATASET).defaultEncryptionConfiguration, { kmsKeyName: KEY });
    at(TABLE).encryptionConfiguration = { kmsKeyName: `${KEY}/cryptoKeyVersions/3` };
    await again({ kmsKey: KEY });
    assert.deepEqual(patched(), []);
    // Without one the person decides who has given the dataset its key.
    await again({});
    assert.deepEqual(patched(), []);
  });

  it('and refuse a load when its key cannot be changed', async () => {
    await load();
    server.refuse = ({ method, path }) =>
      method === 'PATCH' && path === TABLE
        ? { status: 400, reason: 'invalid', message: `cannot use ${KEY}` }
        : undefined;
    const problem = { code: 'WAREHOUSE_REFUSED', message: /cryptoKeyEncrypterDecrypter.*cannot use/ };
    await assert.rejects(again({ kmsKey: KEY }), problem);
    assert.deepEqual(server.submitted(), []);
  });

  it('though the dataset is somebody else’s, who keeps it as it is', async () => {
    await load();
    server.refuse = ({ method, path }) =>
      method === 'PATCH' && path === DATASET ? { status: 403, reason: 'accessDenied' } : undefined;
    await again({ labels: { team: 'data' }, kmsKey: KEY });
    assert.deepEqual(at(DATASET).labels, {});
    assert.deepEqual(at(TABLE).labels, { team: 'data' });
    assert.deepEqual(at(TABLE).encryptionConfiguration, { kmsKeyName: KEY });
  });

  it('and read the view also where queries have to say which partitions they want', async () => {
    await load();
    assert.match(String(at(VIEW).view?.query), /WHERE _loaded_at >= TIMESTAMP '1970-01-01' QUALIFY/);
  });
});
