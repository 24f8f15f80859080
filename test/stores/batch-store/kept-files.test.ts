import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { BatchName, BatchRange, BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import { createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { useTempDir } from '../../support/temp-dir.js';

const IDS = [
  '20240309-0123abcd-000000001',
  '20240310-0123abcd-000000002',
  '20240310-0123abcd-00000000z',
  '20240310-ffff0000-000000001',
  '20240312-0123abcd-000000100',
];
const NDJSON = Buffer.from('{"id":"a"}\n{"id":"b"}\n');

describe('what the batch store keeps', () => {
  const dir = useTempDir();
  let store: BatchStore;

  const nameOf = (batchId: string): BatchName => ({ tenant: 'UA', stream: 'events', batchId });
  const list = async (range: Partial<BatchRange> = {}): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { batchId } of store.list({ tenant: 'UA', stream: 'events', ...range }))
      ids.push(batchId);
    return ids;
  };

  beforeEach(async () => {
    store = createFileBatchStore(dir());
    for (const id of [...IDS].reverse()) await store.write(nameOf(id), gzipSync(NDJSON), 2);
  });

  it('is listed in the order of the ids, between days and after a batch', async () => {
    assert.deepEqual(await list(), IDS);
    assert.deepEqual(await list({ from: '2024-03-10', to: '2024-03-10' }), IDS.slice(1, 4));
    assert.deepEqual(await list({ from: '2024-03-11' }), IDS.slice(4));
    assert.deepEqual(await list({ to: '2024-03-09' }), IDS.slice(0, 1));
    assert.deepEqual(await list({ after: IDS[2] }), IDS.slice(3));
    assert.deepEqual(await list({ after: IDS[1], from: '2024-03-12' }), IDS.slice(4));
    assert.deepEqual(await list({ after: IDS[4] }), []);
    assert.deepEqual(await list({ stream: 'decisions' }), []);
    assert.deepEqual(await list({ tenant: 'DL' }), []);
  });

  it('is the batches alone: no file that is being written, of another name, or reached by a link', async () => {
    const day = dirname(store.pathOf(nameOf(IDS[1]!)));
    writeFileSync(join(day, `.${IDS[1]}.ndjson.gz.0.tmp`), '');
    writeFileSync(join(day, 'notes.txt'), '');
    writeFileSync(join(day, 'notes.ndjson.gz'), '');
    writeFileSync(join(day, '20240311-0123abcd-000000009.ndjson.gz'), '');
    mkdirSync(join(day, '20240310-0123abcd-000000009.ndjson.gz'));
    mkdirSync(join(dirname(day), 'today'));
    symlinkSync(day, join(dirname(day), '2024-03-11'));
    assert.deepEqual(await list(), IDS);
    assert.deepEqual(await store.days('UA', 'events'), ['2024-03-09', '2024-03-10', '2024-03-12']);
  });

  it('is read by its name, with the reference that writing it gave', async () => {
    const name = { ...nameOf('20240313-0123abcd-000000001') };
    const written = await store.write(name, gzipSync(NDJSON), 2);
    const { ref, ndjson } = await store.open(name);
    assert.deepEqual([ref, ndjson, await store.ref(name)], [written, NDJSON, written]);
    writeFileSync(store.pathOf(name), 'no gzip');
    await assert.rejects(store.open(name), { code: 'BATCH_CORRUPT' });
    await store.delete(name);
    await assert.rejects(store.open(name), { code: 'NOT_FOUND' });
    await assert.rejects(store.ref(name), { code: 'NOT_FOUND' });
  });

  it('is deleted file by file, a day with its last one', async () => {
    const day = dirname(store.pathOf(nameOf(IDS[1]!)));
    for (const id of IDS.slice(1, 3)) await store.delete(nameOf(id));
    await store.delete(nameOf(IDS[1]!));
    assert.deepEqual(await list({ from: '2024-03-10', to: '2024-03-10' }), [IDS[3]]);
    await store.delete(nameOf(IDS[3]!));
    assert.equal(existsSync(day), false);
    assert.deepEqual(await store.days('UA', 'events'), ['2024-03-09', '2024-03-12']);
  });

  it('is asked for by tenants alone', async () => {
    await assert.rejects(list({ tenant: '..' }), { code: 'TENANT_ID_INVALID' });
    await assert.rejects(store.days('../UA', 'events'), { code: 'TENANT_ID_INVALID' });
    await assert.rejects(store.delete(nameOf('../x')), { code: 'NOT_FOUND' });
  });
});
