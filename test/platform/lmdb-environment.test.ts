import assert from 'node:assert/strict';
import { join } from 'node:path';
import { asBinary, type Database } from 'lmdb';
import { HeadgateError } from '../../src/errors.js';
import { openLmdb, type LmdbEnvironment } from '../../src/platform/lmdb-environment.js';
import { mountSmallDisk, newMountPoint, skipWithoutMounts, type SmallDisk } from '../support/small-disk.js';

const DISK_MB = 4;
const TOO_MUCH = asBinary(Buffer.alloc(DISK_MB * 1024 * 1024)) as unknown as Buffer;
const LITTLE = asBinary(Buffer.alloc(10)) as unknown as Buffer;

describe('an LMDB environment on a disk that gets full', () => {
  let disk: SmallDisk;
  let lmdb: LmdbEnvironment;
  let table: Database<Buffer, number>;
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => void unhandled.push(reason);

  before(function () {
    skipWithoutMounts(this);
  });
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', onUnhandled);
    disk = mountSmallDisk(newMountPoint(), DISK_MB);
    lmdb = openLmdb(join(disk.path, 'db'));
    table = lmdb.root.openDB({ name: 'table', encoding: 'binary' });
  });
  afterEach(async () => {
    await lmdb.close();
    disk.unmount();
    await new Promise(setImmediate);
    process.off('unhandledRejection', onUnhandled);
    assert.deepEqual(unhandled, [], 'rejections that would have ended the process');
  });

  const put = (key: number, value: Buffer) => () => table.put(key, value);
  const batch = (from: number, count: number) => () =>
    lmdb.root.batch(() => {
      for (let key = from; key < from + count; key++) void table.put(key, TOO_MUCH);
    });
  const isDiskFull = (error: unknown) =>
    error instanceof HeadgateError && error.code === 'DISK_FULL' && error.retryable;

  for (const [name, write] of Object.entries({
    'a put': () => lmdb.flushed(put(1, TOO_MUCH)),
    'an unflushed put': () => lmdb.committed(put(1, TOO_MUCH)),
    'a batch': () => lmdb.flushed(batch(1, 3)),
    'a transaction': () => lmdb.transaction(() => void table.put(1, TOO_MUCH)),
  })) {
    it(`refuses ${name} that adds more than it said as DISK_FULL, writes nothing of it, and goes on`, async () => {
      await lmdb.flushed(put(0, LITTLE));
      await assert.rejects(write(), isDiskFull);
      assert.deepEqual([...table.getKeys()], [0]);
      await lmdb.flushed(put(7, LITTLE));
      assert.deepEqual([...table.getKeys()], [0, 7]);
    });
  }

  it('refuses many at once that add more than they said, each for itself, and keeps those it does not refuse', async () => {
    const keys = Array.from({ length: 40 }, (_, key) => key);
    const big = asBinary(Buffer.alloc(300_000)) as unknown as Buffer;
    const outcomes = await Promise.allSettled(keys.map((key) => lmdb.flushed(put(key, big))));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.ok(refused.length > 0, 'the disk was not full');
    for (const { reason } of refused) assert.ok(isDiskFull(reason), String(reason));
    const kept = keys.filter((key) => outcomes[key]?.status === 'fulfilled');
    assert.deepEqual([...table.getKeys()], kept);
  });

  it('refuses what it says it adds before LMDB meets the end of the disk, in the order of the calls', async () => {
    const value = asBinary(Buffer.alloc(50_000)) as unknown as Buffer;
    const begun: number[] = [];
    const write = (key: number) => () => {
      begun.push(key);
      return table.put(key, value);
    };
    const keys = Array.from({ length: 100 }, (_, key) => key);
    const addition = { records: 1, bytes: 50_000 };
    const outcomes = await Promise.allSettled(keys.map((key) => lmdb.flushed(write(key), addition)));
    const reasons = outcomes.flatMap((each) =>
      each.status === 'rejected' ? [each.reason as HeadgateError] : [],
    );
    assert.ok(reasons.length > 0, 'the disk was not full');
    // The file system's own answer, not LMDB's.
    for (const { code, cause } of reasons) assert.deepEqual([code, (cause as { code?: unknown }).code], ['DISK_FULL', 'ENOSPC']); // prettier-ignore
    assert.deepEqual([...table.getKeys()], begun);
    assert.deepEqual(
      begun,
      [...begun].sort((left, right) => left - right),
    );
    assert.ok(begun.length > 20, `only ${begun.length} writes of 50 kB on ${DISK_MB} MB`);
  });

  it('lets go of what it holds on a disk without a byte left', async () => {
    const some = { records: 10, bytes: 1_000 };
    const fill = () =>
      lmdb.root.batch(() => [...Array(10).keys()].forEach((key) => void table.put(key, LITTLE)));
    await lmdb.flushed(fill, some);
    disk.fill();
    const large = { records: 1, bytes: DISK_MB * 1024 * 1024 };
    await assert.rejects(lmdb.flushed(put(99, TOO_MUCH), large), isDiskFull);
    for (const key of [...table.getKeys()]) await lmdb.flushed(() => table.remove(key));
    assert.equal(table.getKeysCount(), 0);
  });

  it('keeps what it holds in a file longer than LMDB knows, over many lives', async () => {
    const value = (key: number) => Buffer.alloc(3_000, key);
    for (let key = 0; key < 200; key++) {
      await lmdb.flushed(() => table.put(key, asBinary(value(key)) as unknown as Buffer), {
        records: 1,
        bytes: 3_000,
      });
      if (key % 40 !== 0) continue;
      await lmdb.close();
      lmdb = openLmdb(join(disk.path, 'db'));
      table = lmdb.root.openDB({ name: 'table', encoding: 'binary' });
    }
    for (let key = 0; key < 200; key++) assert.deepEqual(table.get(key), value(key));
  });

  it('takes writes again when there is room', async () => {
    await assert.rejects(lmdb.flushed(put(1, TOO_MUCH)), isDiskFull);
    disk.resize(4 * DISK_MB);
    await lmdb.flushed(put(1, TOO_MUCH));
    assert.equal(table.get(1)?.length, DISK_MB * 1024 * 1024);
  });

  it('closes after a failed write, also while one is failing', async () => {
    await assert.rejects(lmdb.flushed(put(1, TOO_MUCH)), isDiskFull);
    const failing = assert.rejects(lmdb.flushed(put(2, TOO_MUCH)), isDiskFull);
    await lmdb.close();
    await failing;
    lmdb = openLmdb(join(disk.path, 'db'));
  });

  it('opens again on a disk without a byte left, and refuses to be made on one', async () => {
    await lmdb.flushed(put(1, LITTLE));
    await lmdb.close();
    disk.fill();
    lmdb = openLmdb(join(disk.path, 'db'));
    table = lmdb.root.openDB({ name: 'table', encoding: 'binary' });
    assert.equal(table.get(1)?.length, 10);
    assert.throws(() => openLmdb(join(disk.path, 'other')), isDiskFull);
  });
});
