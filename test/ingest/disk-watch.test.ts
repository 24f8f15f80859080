import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DiskWatch, type WatchedDisk } from '../../src/ingest/disk-watch.js';
import { mountSmallDisk, newMountPoint, skipWithoutMounts, type SmallDisk } from '../support/small-disk.js';

const MB = 1024 * 1024;

describe('the watch over the disks', () => {
  let small: SmallDisk;
  let large: SmallDisk;
  let now: number;
  let changes: string[];
  let watch: DiskWatch<'spool' | 'batches'>;

  before(function () {
    skipWithoutMounts(this);
  });
  beforeEach(() => {
    small = mountSmallDisk(newMountPoint(), 4);
    large = mountSmallDisk(newMountPoint(), 8);
    now = 0;
    changes = [];
    watch = new DiskWatch({
      directories: { spool: join(small.path, 'not', 'there yet'), batches: large.path },
      minFreeBytes: MB,
      onChange: ({ name, short }: WatchedDisk) =>
        void changes.push(`${name} ${short ? 'short' : 'has room'}`),
      now: () => now,
    });
  });
  afterEach(() => {
    small.unmount();
    large.unmount();
  });

  it('looks at each directory on its own disk', () => {
    assert.equal(watch.freeBytes('spool'), 4 * MB);
    assert.equal(watch.freeBytes('batches'), 8 * MB);
  });

  it('counts what is admitted between two looks, three times over, and not beyond the next', () => {
    assert.equal(watch.freeBytes('spool'), 4 * MB);
    watch.admitted(MB);
    now = 999;
    assert.equal(watch.freeBytes('spool'), MB);
    now = 1_000;
    assert.equal(watch.freeBytes('spool'), 4 * MB);
  });

  it('tells once when a disk gets short, and once when it has room again', () => {
    watch.freeBytes('spool');
    large.fill();
    for (now of [1_000, 2_000, 3_000]) assert.equal(watch.freeBytes('spool'), 4 * MB);
    assert.deepEqual(changes, ['batches short']);
    assert.equal(watch.freeBytes('batches'), 0);
    large.makeRoom();
    for (now of [4_000, 5_000]) watch.freeBytes('spool');
    assert.deepEqual(changes, ['batches short', 'batches has room']);
  });
});
