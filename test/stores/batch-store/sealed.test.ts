import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { KeyFiles } from '../../../src/stores/batch-keys/key-file.js';
import { createGcsKeyFiles } from '../../../src/stores/batch-keys/gcs.js';
import { createLocalKeyFiles } from '../../../src/stores/batch-keys/file.js';
import { rotateKey } from '../../../src/stores/batch-keys/changes.js';
import { eraseTenant } from '../../../src/removal/erase-tenant.js';
import { MasterKeyring } from '../../../src/stores/batch-keys/master-keyring.js';
import type { MasterKeys } from '../../../src/stores/batch-keys/master-key.js';
import type { BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import type { BatchName } from '../../../src/events/event.js';
import { batchPathParts } from '../../../src/stores/batch-store/batch-path.js';
import { batchPath, createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { createGcsBatchStore } from '../../../src/stores/batch-store/gcs.js';
import { createSeal } from '../../../src/stores/batch-store/seal.js';
import { keysOf, masterKey } from '../../support/batch-keys.js';
import { useFakeGcs } from '../../support/fake-gcs.js';
import { useTempDir } from '../../support/temp-dir.js';
import { describeBatchStore, NAME, NDJSON } from './conformance.js';

const MASTER = { current: masterKey() };
const isKey = (path: string): boolean => path.endsWith('batch-key.json');

describe('the file batch store with encrypted files', () => {
  const dir = useTempDir();
  const root = (): string => join(dir(), 'batches');
  const downloads = (): string => join(dir(), 'downloads');
  const keyFiles = (): KeyFiles => createLocalKeyFiles(root());
  const pathOf = (name: BatchName): string => batchPath(root(), name);
  /** As a process has it that has just started. */
  const open = (masters: MasterKeys = MASTER, recheckMs?: number): BatchStore =>
    createFileBatchStore(root(), {
      seal: createSeal(keysOf(keyFiles(), masters, recheckMs)),
      downloads: downloads(),
    });

  const putAt = (path: string, bytes: Buffer): Promise<void> => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return Promise.resolve();
  };
  const files = (): string[] =>
    (existsSync(root()) ? readdirSync(root(), { recursive: true, withFileTypes: true }) : [])
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(root(), join(parentPath, name)).split(sep).join('/'))
      .sort();

  describeBatchStore(() => ({
    open,
    bytesOf: (name) => Promise.resolve(existsSync(pathOf(name)) ? readFileSync(pathOf(name)) : undefined),
    unseal: (name, bytes) => createSeal(keysOf(keyFiles(), MASTER)).open(name, bytes),
    put: (name, bytes) => putAt(pathOf(name), bytes),
    putAt: (path, bytes) => putAt(join(root(), path), bytes),
    files: () => Promise.resolve(files().filter((path) => !isKey(path))),
  }));

  it('keeps nothing of an event readable, nor of a key', async () => {
    await open().write(NAME, gzipSync(NDJSON, { level: 0 }), 2);
    const kept = readFileSync(pathOf(NAME));
    assert.equal(kept.indexOf('"id"'), -1);
    assert.equal(kept.subarray(0, 4).toString(), 'HGE1');
    const secret = MASTER.current.export();
    for (const path of files()) {
      const bytes = readFileSync(join(root(), path));
      assert.ok(!bytes.includes(secret) && !bytes.includes(secret.toString('base64')));
      if (isKey(path)) assert.equal(statSync(join(root(), path)).mode & 0o777, 0o600);
    }
  });

  it('opens no file of which a single bit is another', async () => {
    const store = open();
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    const good = readFileSync(pathOf(NAME));
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      writeFileSync(pathOf(NAME), bad);
      await assert.rejects(store.open(NAME), { code: 'BATCH_CORRUPT' }, `bit ${bit}`);
      await assert.rejects(store.read(ref), { code: 'BATCH_CORRUPT' }, `bit ${bit}`);
    }
    for (let length = 0; length < good.length; length++) {
      writeFileSync(pathOf(NAME), good.subarray(0, length));
      await assert.rejects(store.open(NAME), { code: 'BATCH_CORRUPT' }, `${length} bytes`);
    }
    writeFileSync(pathOf(NAME), Buffer.concat([good, Buffer.from([0])]));
    await assert.rejects(store.open(NAME), { code: 'BATCH_CORRUPT' });
    writeFileSync(pathOf(NAME), good);
    assert.deepEqual(await store.read(ref), NDJSON);
  });

  it('opens no file in the place of another batch, stream or tenant', async () => {
    const store = open();
    await store.write(NAME, gzipSync(NDJSON), 2);
    const others: BatchName[] = [
      { ...NAME, batchId: '20240310-0123abcd-000000002' },
      { ...NAME, stream: 'decisions' },
      { ...NAME, tenant: 'DL' },
    ];
    for (const other of others) {
      await store.write(other, gzipSync('{"id":"other"}\n'), 1);
      cpSync(pathOf(NAME), pathOf(other));
      await assert.rejects(store.open(other), { code: 'BATCH_CORRUPT' });
      const files = await store.localFiles([other]);
      assert.equal(files.damaged.get(files.paths[0] as string)?.code, 'BATCH_CORRUPT');
      await files.release();
    }
    assert.deepEqual(readdirSync(downloads()), []);
  });

  it("opens nothing with another tenant's keys, wherever they are copied", async () => {
    await open().write(NAME, gzipSync(NDJSON), 2);
    await open().write({ ...NAME, tenant: 'DL' }, gzipSync(NDJSON), 2);
    cpSync(join(root(), 'UA/batch-key.json'), join(root(), 'DL/batch-key.json'));
    await assert.rejects(open().open({ ...NAME, tenant: 'DL' }), { code: 'BATCH_CORRUPT' });
    const fresh = { ...NAME, tenant: 'DL', batchId: '20240310-0123abcd-000000002' };
    await assert.rejects(open().write(fresh, gzipSync(NDJSON), 2), {
      code: 'BATCH_KEY_WRONG',
      retryable: true,
    });
  });

  it('gives engines copies that their owner alone can read, and deletes them when they have been read', async () => {
    const store = open();
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    const { paths, release } = await store.localFiles([ref]);
    const [path = ''] = paths;
    assert.deepEqual(gunzipSync(readFileSync(path)), NDJSON);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await release();
    assert.deepEqual(readdirSync(downloads()), []);
  });

  describe('beside files that are not encrypted', () => {
    const LATER: BatchName = { ...NAME, batchId: '20240310-0123abcd-000000002' };

    it('reads both, and refers to both as to what is in them', async () => {
      const gzipped = gzipSync(NDJSON);
      const plain = await createFileBatchStore(root()).write(NAME, gzipped, 2);
      const sealed = await open().write(LATER, gzipped, 2);
      assert.deepEqual({ ...sealed, batchId: NAME.batchId, sha256: plain.sha256 }, plain);
      assert.deepEqual(await open().write(NAME, gzipped, 2), plain, 'a file that is there is kept');
      assert.deepEqual(gunzipSync(readFileSync(pathOf(NAME))), NDJSON);
      for (const ref of [plain, sealed]) assert.deepEqual(await open().read(ref), NDJSON);
      const { paths, release } = await open().localFiles([plain, sealed]);
      for (const path of paths) assert.deepEqual(gunzipSync(readFileSync(path)), NDJSON);
      await release();
    });

    it('reads both when no more are encrypted, as long as it has the key', async () => {
      const gzipped = gzipSync(NDJSON);
      const sealed = await open().write(NAME, gzipped, 2);
      const store = open({ previous: MASTER.current });
      const plain = await store.write(LATER, gzipped, 2);
      assert.deepEqual(gunzipSync(readFileSync(pathOf(LATER))), NDJSON);
      for (const ref of [plain, sealed]) assert.deepEqual(await store.read(ref), NDJSON);
    });

    it('takes no encrypted file for a damaged one when it has no key, and writes none beside it', async () => {
      const ref = await open().write(NAME, gzipSync(NDJSON), 2);
      const kept = readFileSync(pathOf(NAME));
      const missing = { code: 'BATCH_KEY_MISSING', retryable: true, message: /HEADGATE_BATCH_KEY/ };
      for (const store of [open({}), createFileBatchStore(root())]) {
        await assert.rejects(store.read(ref), missing);
        await assert.rejects(store.open(NAME), missing);
        await assert.rejects(store.write(NAME, gzipSync(NDJSON), 2), missing);
      }
      await assert.rejects(open({}).write(LATER, gzipSync(NDJSON), 2), missing);
      assert.deepEqual(readFileSync(pathOf(NAME)), kept);
      assert.equal(existsSync(pathOf(LATER)), false);
    });
  });

  describe('once a tenant is erased', () => {
    const erased = { code: 'TENANT_ERASED', retryable: false, message: /key of tenant UA was deleted at 2/ };

    it('reads nothing of it, whatever there is, and leaves the others alone', async () => {
      const ref = await open().write(NAME, gzipSync(NDJSON), 2);
      const other = await open().write({ ...NAME, tenant: 'DL' }, gzipSync(NDJSON), 2);
      const { erasedAt } = await eraseTenant(keyFiles(), open(), 'UA');
      const again = await eraseTenant(keyFiles(), open(), 'UA');
      assert.deepEqual(again, { erasedAt, keys: 0, plainFiles: 0 });
      await assert.rejects(open().read(ref), erased);
      await assert.rejects(open().open(NAME), erased);
      await assert.rejects(open().localFiles([ref]), erased);
      await assert.rejects(rotateKey(keyFiles(), new MasterKeyring(MASTER), 'UA'), erased);
      assert.deepEqual(await open().read(other), NDJSON);
      assert.deepEqual(await open().days('UA', 'events'), ['2024-03-10']);
    });

    it('has nothing left of its keys, and deletes what was never encrypted or is damaged', async () => {
      const [plain, damaged] = ['2', '3'].map((end) => ({
        ...NAME,
        batchId: `20240309-0123abcd-00000000${end}`,
      }));
      await createFileBatchStore(root()).write(plain as BatchName, gzipSync(NDJSON), 2);
      await open().write(NAME, gzipSync(NDJSON), 2);
      await putAt(pathOf(damaged as BatchName), Buffer.from('{"id":"half'));
      const before = readFileSync(join(root(), 'UA/batch-key.json'), 'utf8');
      const { keys } = JSON.parse(before) as { keys: { wrapped: string }[] };
      const { keys: deleted, plainFiles } = await eraseTenant(keyFiles(), open(), 'UA');
      assert.deepEqual([deleted, plainFiles], [1, 2]);
      assert.deepEqual(
        files().filter((path) => path.startsWith('UA/') && !isKey(path)),
        [batchPathParts(NAME).join('/')],
      );
      for (const path of files())
        assert.ok(!readFileSync(join(root(), path), 'utf8').includes(keys[0]?.wrapped ?? ''), path);
    });

    it('erases what still comes, and holds nobody up', async () => {
      await open().write(NAME, gzipSync(NDJSON), 2);
      await eraseTenant(keyFiles(), open(), 'UA');
      const late = { ...NAME, batchId: '20240310-0123abcd-000000002' };
      for (const name of [late, late, NAME]) {
        const ref = await open().write(name, gzipSync(NDJSON), 2);
        assert.equal(ref.events, 2);
        await assert.rejects(open().read(ref), erased);
      }
    });

    it('stops reading in a process that has its key in memory', async () => {
      const running = open(MASTER, 1);
      const ref = await running.write(NAME, gzipSync(NDJSON), 2);
      assert.deepEqual(await running.read(ref), NDJSON);
      await eraseTenant(keyFiles(), open(), 'UA');
      // The millisecond of which it may still use it.
      await new Promise((resolve) => setTimeout(resolve, 5));
      await assert.rejects(running.read(ref), erased);
    });

    it('is so as well when somebody has deleted its keys by hand; keys that are damaged can be put back', async () => {
      const ref = await open().write(NAME, gzipSync(NDJSON), 2);
      const path = join(root(), 'UA/batch-key.json');
      const kept = readFileSync(path);
      writeFileSync(path, kept.subarray(0, 40));
      await assert.rejects(open().read(ref), { code: 'BATCH_KEY_WRONG', retryable: true });
      await assert.rejects(open().write(NAME, gzipSync(NDJSON), 2), { code: 'BATCH_KEY_WRONG' });
      rmSync(path);
      await assert.rejects(open().read(ref), { code: 'TENANT_ERASED', message: /is gone/ });
      writeFileSync(path, kept);
      assert.deepEqual(await open().read(ref), NDJSON);
    });
  });
});

describe('the Google Cloud Storage batch store with encrypted files', () => {
  const dir = useTempDir();
  const fake = useFakeGcs('sealed');

  const place = () => ({ bucket: fake().bucket.name, prefix: fake().prefix, endpoint: fake().endpoint });
  const open = (): BatchStore =>
    createGcsBatchStore({
      ...place(),
      downloads: dir(),
      pageSize: 2,
      seal: createSeal(keysOf(createGcsKeyFiles(place()), MASTER)),
    });
  const fileOf = (path: string) => fake().bucket.file(`${fake().prefix}/${path}`);
  const pathOf = (name: BatchName): string => batchPathParts(name).join('/');

  describeBatchStore(() => ({
    open,
    bytesOf: async (name) => {
      const [there] = await fileOf(pathOf(name)).exists();
      return there ? (await fileOf(pathOf(name)).download({ decompress: false }))[0] : undefined;
    },
    unseal: (name, bytes) => createSeal(keysOf(createGcsKeyFiles(place()), MASTER)).open(name, bytes),
    put: (name, bytes) => fileOf(pathOf(name)).save(bytes, { resumable: false }),
    putAt: (path, bytes) => fileOf(path).save(bytes, { resumable: false }),
    files: async () => {
      const [found] = await fake().bucket.getFiles({ prefix: `${fake().prefix}/` });
      const paths = found.map(({ name }) => name.slice(fake().prefix.length + 1));
      return paths.filter((path) => !isKey(path)).sort();
    },
  }));

  it('erases a tenant, and deletes the copies that engines have read', async () => {
    const ref = await open().write(NAME, gzipSync(NDJSON), 2);
    const { release } = await open().localFiles([ref]);
    await release();
    assert.deepEqual(readdirSync(dir()), []);
    await eraseTenant(createGcsKeyFiles(place()), open(), 'UA');
    for (const store of [open(), open()]) await assert.rejects(store.read(ref), { code: 'TENANT_ERASED' });
    const late = await open().write(NAME, gzipSync(NDJSON), 2);
    await assert.rejects(open().read(late), { code: 'TENANT_ERASED' });
  });
});
