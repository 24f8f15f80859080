import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { linesOf } from '../../../src/stores/batch-store/batch-lines.js';
import { batchPath, createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { useTempDir } from '../../support/temp-dir.js';

describe("the lines of a delivery's batch", () => {
  const dir = useTempDir();
  const name = { tenant: 'UA', stream: 'events', batchId: '20240310-0123abcd-000000001' } as const;

  it('are those of its file; there are none to deliver once that is damaged or gone', async () => {
    const store = createFileBatchStore(dir());
    const ref = await store.write(name, gzipSync('{"id":"a"}\n{"id":"b"}\n'), 2);
    const lines = await linesOf(store, ref);
    assert.deepEqual([lines?.length, lines?.at(0), lines?.at(1)], [2, '{"id":"a"}', '{"id":"b"}']);
    writeFileSync(batchPath(dir(), name), gzipSync('{"id":"a"}\n'));
    assert.equal(await linesOf(store, ref), undefined);
    rmSync(batchPath(dir(), name));
    assert.equal(await linesOf(store, ref), undefined);
  });
});
