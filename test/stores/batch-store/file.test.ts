import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Stream } from '../../../src/event.js';
import { createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import type { BatchName, BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import { useTempDir } from '../../support/temp-dir.js';

const NAME: BatchName = { tenant: 'UA', stream: 'events', batchId: '20240310-0123abcd-000000001' };
const NDJSON = Buffer.from('{"id":"é"}\n{"id":"b"}\n');

describe('the file batch store', () => {
  const dir = useTempDir();
  let store: BatchStore;

  beforeEach(() => {
    store = createFileBatchStore(dir());
  });

  const files = (): string[] =>
    readdirSync(dir(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();

  it('writes gzipped NDJSON where its name says, and reads it back', async () => {
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    assert.equal(store.pathOf(NAME), join(dir(), 'UA', 'events', '2024-03-10', `${NAME.batchId}.ndjson.gz`));
    const bytes = readFileSync(store.pathOf(NAME));
    assert.deepEqual(gunzipSync(bytes), NDJSON);
    assert.deepEqual({ ...ref, sha256: '' }, { ...NAME, events: 2, bytes: bytes.length, sha256: '' });
    assert.deepEqual(await store.read(ref), NDJSON);
    assert.deepEqual(files(), [`${NAME.batchId}.ndjson.gz`], 'and leaves nothing beside it');
  });

  it('gives the same reference and the same bytes when a batch is written again', async () => {
    const first = await store.write(NAME, gzipSync(NDJSON), 2);
    const bytes = readFileSync(store.pathOf(NAME));
    assert.deepEqual(await store.write(NAME, gzipSync(NDJSON), 2), first);
    assert.deepEqual(readFileSync(store.pathOf(NAME)), bytes);
    assert.deepEqual(
      await Promise.all(Array.from({ length: 8 }, () => store.write(NAME, gzipSync(NDJSON), 2))),
      Array(8).fill(first),
    );
    assert.deepEqual(files(), [`${NAME.batchId}.ndjson.gz`]);
  });

  it('shows a reader all of a file or none, however often it is written', async () => {
    const large = Buffer.alloc(500_000, NDJSON);
    const ref = await store.write(NAME, gzipSync(large), 1);
    const writing = Promise.all(Array.from({ length: 10 }, () => store.write(NAME, gzipSync(large), 1)));
    for (let n = 0; n < 10; n++) assert.deepEqual(await store.read(ref), large);
    await writing;
  });

  it('replaces a file that the disk has damaged: its events are still at hand', async () => {
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    const bytes = readFileSync(store.pathOf(NAME));
    for (const damaged of [bytes.subarray(0, 12), Buffer.alloc(bytes.length), Buffer.alloc(0)]) {
      writeFileSync(store.pathOf(NAME), damaged);
      assert.deepEqual(await store.write(NAME, gzipSync(NDJSON), 2), ref);
      assert.deepEqual(await store.read(ref), NDJSON);
    }
  });

  it('keeps a file that is there, and answers for it as it is: a workflow may have been told its hash', async () => {
    const first = await store.write(NAME, gzipSync(NDJSON), 2);
    const bytes = readFileSync(store.pathOf(NAME));
    const otherwise = Buffer.from('{"id":"x"}\n{"id":"y"}\n{"id":"z"}\n');
    for (const again of [store, createFileBatchStore(dir())])
      assert.deepEqual(await again.write(NAME, gzipSync(otherwise), 3), first);
    assert.deepEqual(readFileSync(store.pathOf(NAME)), bytes);
    assert.deepEqual(await store.read(first), NDJSON);
  });

  it('takes no half of a file for one that is there: what a crash has left under another name', async () => {
    await store.write({ ...NAME, batchId: '20240310-0123abcd-000000002' }, gzipSync(NDJSON), 2);
    const half = join(dirname(store.pathOf(NAME)), `.${basename(store.pathOf(NAME))}.0123.tmp`);
    writeFileSync(half, gzipSync(NDJSON).subarray(0, 12));
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    assert.deepEqual(await store.read(ref), NDJSON);
  });

  it('says that a file is gone, or is not what was written', async () => {
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    const good = readFileSync(store.pathOf(NAME));
    const bad: Buffer[] = [
      gzipSync('{"id":"forged"}\n'),
      good.subarray(0, -1),
      Buffer.concat([good, Buffer.from([0])]),
      Buffer.from(good.map((byte, at) => (at === 12 ? byte ^ 1 : byte))),
      Buffer.alloc(0),
    ];
    for (const bytes of bad) {
      writeFileSync(store.pathOf(NAME), bytes);
      await assert.rejects(store.read(ref), { code: 'BATCH_CORRUPT' });
    }
    rmSync(dirname(store.pathOf(NAME)), { recursive: true });
    await assert.rejects(store.read(ref), { code: 'NOT_FOUND' });
  });

  const badNames: [name: Partial<Record<keyof BatchName, string>>, code: string][] = [
    [{ tenant: '../UA' }, 'TENANT_ID_INVALID'],
    [{ tenant: '..' }, 'TENANT_ID_INVALID'],
    [{ tenant: '' }, 'TENANT_ID_INVALID'],
    [{ tenant: 'UA\0' }, 'TENANT_ID_INVALID'],
    [{ tenant: 'UA/events' }, 'TENANT_ID_INVALID'],
    [{ batchId: `../${NAME.batchId}` }, 'NOT_FOUND'],
    [{ batchId: `${NAME.batchId}/x` }, 'NOT_FOUND'],
    [{ batchId: `${NAME.batchId}\n` }, 'NOT_FOUND'],
    [{ batchId: '..' }, 'NOT_FOUND'],
    [{ batchId: '' }, 'NOT_FOUND'],
  ];
  for (const [part, code] of badNames) {
    it(`makes no path of ${JSON.stringify(part)}`, async () => {
      const name = { ...NAME, ...part, stream: 'events' as Stream };
      const ref = { ...name, events: 1, bytes: 1, sha256: '' };
      assert.throws(() => store.pathOf(name), { code });
      await assert.rejects(store.write(name, gzipSync(NDJSON), 1), { code });
      await assert.rejects(store.read(ref), { code });
      assert.deepEqual(files(), []);
    });
  }
});
