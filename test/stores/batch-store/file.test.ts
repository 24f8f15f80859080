import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { batchPath, createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import type { BatchName } from '../../../src/events/event.js';
import { useTempDir } from '../../support/temp-dir.js';
import { describeBatchStore, NAME, NDJSON } from './conformance.js';

describe('the file batch store', () => {
  const dir = useTempDir();

  const putAt = (path: string, bytes: Buffer): Promise<void> => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return Promise.resolve();
  };
  const files = (): string[] =>
    readdirSync(dir(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(dir(), join(parentPath, name)).split(sep).join('/'))
      .sort();

  describeBatchStore(() => ({
    open: () => createFileBatchStore(dir()),
    bytesOf: (name) => {
      const path = batchPath(dir(), name);
      return Promise.resolve(existsSync(path) ? readFileSync(path) : undefined);
    },
    put: (name, bytes) => putAt(batchPath(dir(), name), bytes),
    putAt: (path, bytes) => putAt(join(dir(), path), bytes),
    files: () => Promise.resolve(files()),
  }));

  it('takes no half of a file for one that is there: what a crash has left under another name', async () => {
    const store = createFileBatchStore(dir());
    const half = `UA/events/2024-03-10/.${NAME.batchId}.ndjson.gz.0123.tmp`;
    await putAt(join(dir(), half), gzipSync(NDJSON).subarray(0, 12));
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    assert.deepEqual(await store.read(ref), NDJSON);
  });

  it('lists nothing that is reached by a link', async () => {
    const store = createFileBatchStore(dir());
    await store.write(NAME, gzipSync(NDJSON), 2);
    symlinkSync(join(dir(), 'UA/events/2024-03-10'), join(dir(), 'UA/events/2024-03-11'));
    symlinkSync(join(dir(), 'UA/events'), join(dir(), 'UA/decisions'));
    symlinkSync(join(dir(), 'UA'), join(dir(), 'DL'));
    assert.deepEqual(await store.days('UA', 'events'), ['2024-03-10']);
    assert.deepEqual(await store.days('UA', 'decisions'), []);
    assert.deepEqual(await store.days('DL', 'events'), []);
  });

  it('gives its own files to engines, and removes the directory of a day with its last file', async () => {
    const store = createFileBatchStore(dir());
    const names: BatchName[] = [NAME, { ...NAME, batchId: '20240310-0123abcd-000000002' }];
    for (const name of names) await store.write(name, gzipSync(NDJSON), 2);
    const { paths, release } = await store.localFiles(names);
    assert.deepEqual(
      paths,
      names.map((name) => batchPath(dir(), name)),
    );
    await release();
    assert.deepEqual(paths.map(existsSync), [true, true]);
    for (const name of names) await store.delete(name);
    assert.equal(existsSync(join(dir(), 'UA/events/2024-03-10')), false);
  });
});
