import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { BatchRef, BatchName } from '../../../src/events/event.js';
import { copyFiles } from '../../../src/stores/batch-store/copies.js';
import { Downloads } from '../../../src/stores/batch-store/downloads.js';
import { refOf } from '../../../src/stores/batch-store/gzip.js';
import { useTempDir } from '../../support/temp-dir.js';

const FILE = gzipSync('{"id":"1","source":"/copies"}\n'.repeat(3), { level: 0 });

describe('copies of batch files', () => {
  const dir = useTempDir();
  const names = Array.from({ length: 50 }, (_, index): BatchName => {
    const batchId = `20240310-0123abcd-${String(index).padStart(9, '0')}`;
    return { tenant: 'UA', stream: 'events', batchId };
  });
  const read = (): Promise<Buffer> => Promise.resolve(FILE);

  it('of names are bounded by their bytes, and the rest can be asked for', async () => {
    const downloads = new Downloads(dir());
    const copied: string[] = [];
    for (let at = 0; at < names.length;) {
      const files = await copyFiles({ downloads, read, maxUnknownBytes: 1_000 }, names.slice(at));
      assert.ok(files.paths.length > 0 && files.paths.length < 20, String(files.paths.length));
      for (const path of files.paths) assert.deepEqual(readFileSync(path), FILE);
      copied.push(...files.paths.map((path) => path.split(/[/\\.]/).at(-3) ?? ''));
      at += files.paths.length;
      await files.release();
      assert.deepEqual(readdirSync(dir()), []);
    }
    assert.deepEqual(
      copied,
      names.map(({ batchId }) => batchId),
    );
  });

  it('of references are all there, since who asks has bounded them', async () => {
    const refs = names.map((name): BatchRef => refOf(name, FILE, 1));
    const files = await copyFiles({ downloads: new Downloads(dir()), read, maxUnknownBytes: 1_000 }, refs);
    assert.equal(files.paths.filter(existsSync).length, names.length);
    await files.release();
  });

  it('go on past files that are gone, and leave nothing when one cannot be read', async () => {
    const downloads = new Downloads(dir());
    const gone = await copyFiles({ downloads, read: () => Promise.resolve(undefined) }, names);
    assert.deepEqual([gone.paths.length, gone.paths.filter(existsSync).length], [names.length, 0]);
    await gone.release();
    const broken = (_name: BatchName, index: number): Promise<Buffer> =>
      index === 9 ? Promise.reject(new Error('unreadable')) : read();
    await assert.rejects(copyFiles({ downloads, read: broken }, names), /unreadable/);
    assert.deepEqual(readdirSync(dir()), []);
  });
});
