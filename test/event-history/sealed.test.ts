import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createSecretKey, randomBytes } from 'node:crypto';
import { BatchKeys } from '../../src/stores/batch-keys/batch-keys.js';
import { createLocalKeyFiles } from '../../src/stores/batch-keys/file.js';
import { MasterKeyring } from '../../src/stores/batch-keys/master-keyring.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { createSeal } from '../../src/stores/batch-store/seal.js';
import { eraseTenant } from '../../src/removal/erase-tenant.js';
import { batchId, openIndexBench, row, writeRows } from '../support/event-index.js';
import { useTempDir } from '../support/temp-dir.js';

const DAY = { tenant: 'UA', stream: 'events', day: '2026-03-10' } as const;

describe('the index of encrypted batches', () => {
  const dir = useTempDir();

  it('is encrypted, is read with the key alone, and is of no use without it', async () => {
    const files = createLocalKeyFiles(join(dir(), 'batches'));
    const masters = new MasterKeyring({ current: createSecretKey(randomBytes(32)) });
    const open = () => {
      const seal = createSeal(new BatchKeys({ files, masters }));
      const store = createFileBatchStore(join(dir(), 'batches'), {
        seal,
        downloads: join(dir(), 'downloads'),
      });
      return openIndexBench(dir(), { seal, store });
    };
    const bench = await open();
    const gzipped = await writeRows(bench.store, { batchId: batchId(1) }, [row('secret-id')]);
    assert.match(gunzipSync(gzipped).toString(), /secret-id/);
    bench.indexer.written({ tenant: 'UA', stream: 'events', batchId: batchId(1) }, gzipped);
    await bench.indexer.flush(true);
    const found = async (): Promise<string[]> => {
      const { indexed } = await (await open()).indexer.candidates(DAY, 'id', 'secret-id');
      return [...indexed.keys()];
    };
    assert.deepEqual(await found(), [batchId(1)]);

    const directory = join(bench.root, 'UA', 'events', '2026-03-10');
    const [name = ''] = readdirSync(directory);
    const bytes = readFileSync(join(directory, name));
    assert.equal(bytes.subarray(0, 4).toString(), 'HGE1');
    assert.ok(!bytes.includes(batchId(1)), 'not even which batches there are');

    await eraseTenant(files, bench.store, 'UA');
    await assert.rejects(found(), { code: 'TENANT_ERASED' });
    rmSync(join(bench.root, 'UA'), { recursive: true });
  });
});
