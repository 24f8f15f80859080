import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { batchPathParts } from '../../../src/stores/batch-store/batch-path.js';
import { createGcsBatchStore, type RemoteBatchStore } from '../../../src/stores/batch-store/gcs.js';
import { useFakeGcs } from '../../support/fake-gcs.js';
import { useTempDir } from '../../support/temp-dir.js';
import { describeBatchStore, NAME, NDJSON } from './conformance.js';

describe('the Google Cloud Storage batch store', () => {
  const dir = useTempDir();
  const fake = useFakeGcs('kept');

  // Small pages: what is listed takes several.
  const open = (more: Partial<Parameters<typeof createGcsBatchStore>[0]> = {}): RemoteBatchStore =>
    createGcsBatchStore({
      bucket: fake().bucket.name,
      prefix: fake().prefix,
      endpoint: fake().endpoint,
      downloads: dir(),
      pageSize: 2,
      ...more,
    });
  const fileOf = (path: string) => fake().bucket.file(`${fake().prefix}/${path}`);
  const pathOf = (name: typeof NAME): string => batchPathParts(name).join('/');
  const files = async (): Promise<string[]> => {
    const [found] = await fake().bucket.getFiles({ prefix: `${fake().prefix}/` });
    return found.map(({ name }) => name.slice(fake().prefix.length + 1)).sort();
  };

  describeBatchStore(() => ({
    open,
    bytesOf: async (name) => {
      const [there] = await fileOf(pathOf(name)).exists();
      return there ? (await fileOf(pathOf(name)).download({ decompress: false }))[0] : undefined;
    },
    put: (name, bytes) => fileOf(pathOf(name)).save(bytes, { resumable: false }),
    putAt: (path, bytes) => fileOf(path).save(bytes, { resumable: false }),
    files,
  }));

  it('gives engines copies that are compared with their hash, and deletes them when they have been read', async () => {
    const store = open();
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    const { paths, release } = await store.localFiles([ref]);
    assert.deepEqual(paths.map(existsSync), [true]);
    await release();
    assert.deepEqual(readdirSync(dir()), []);
    await fileOf(pathOf(NAME)).save(gzipSync('{"id":"forged"}\n'), { resumable: false });
    const forged = await store.localFiles([ref]);
    assert.equal(forged.damaged.get(forged.paths[0] as string)?.code, 'BATCH_CORRUPT');
    await forged.release();
    assert.deepEqual(readdirSync(dir()), []);
  });

  it('keeps stores of one bucket apart by their prefixes, and needs none', async () => {
    const [own, other, whole] = [open(), open({ prefix: `${fake().prefix}-2` }), open({ prefix: '' })];
    const ref = await own.write(NAME, gzipSync(NDJSON), 2);
    await assert.rejects(other.read(ref), { code: 'NOT_FOUND' });
    assert.deepEqual(await other.days('UA', 'events'), []);
    await whole.write(NAME, gzipSync(NDJSON), 2);
    assert.deepEqual(await whole.days('UA', 'events'), ['2024-03-10']);
    await whole.delete(NAME);
    assert.deepEqual(await own.read(ref), NDJSON);
  });

  it('checks that it can write, and leaves nothing behind', async () => {
    await open().check();
    assert.deepEqual(await files(), []);
  });

  it('says that there is no bucket, rather than that a batch is gone', async () => {
    const store = open({ bucket: 'no-such-bucket' });
    const ref = { ...NAME, events: 1, bytes: 1, sha256: '' };
    const refused = {
      code: 'BATCH_STORE_REFUSED',
      retryable: true,
      message: /no bucket gs:\/\/no-such-bucket/,
    };
    await assert.rejects(store.check(), refused);
    await assert.rejects(store.write(NAME, gzipSync(NDJSON), 2), refused);
    await assert.rejects(store.read(ref), refused);
    await assert.rejects(store.localFiles([ref]), refused);
    await assert.rejects(store.days('UA', 'events'), refused);
    await assert.rejects(store.deletedThrough('UA'), refused);
    assert.deepEqual(readdirSync(dir()), []);
  });
});
