import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Dedupe, type DedupeOptions } from '../../src/ingest/dedupe.js';
import { createFingerprint, FINGERPRINT_BYTES, type Fingerprint } from '../../src/ingest/fingerprint.js';

const HOUR = 3_600_000;
const KB = 1024;

describe('dedupe', () => {
  let fingerprint: Fingerprint;
  let dedupe: Dedupe;

  before(async () => {
    fingerprint = await createFingerprint([1n, 2n]);
  });
  beforeEach(() => open());

  function open(options: DedupeOptions = {}): void {
    dedupe = new Dedupe(options);
  }

  function print(id: string): Buffer {
    const prints = Buffer.alloc(FINGERPRINT_BYTES);
    fingerprint(id, prints, 0);
    return prints;
  }

  function add(partition: string, id: string, time = 0): void {
    dedupe.addAll(partition, print(id), time);
  }

  function has(partition: string, id: string): boolean {
    return dedupe.has(partition, print(id), 0);
  }

  /** Fills a partition's hour, so that it holds more bytes than others. */
  function fill(partition: string, events: number, time = 0): void {
    for (let n = 0; n < events; n++) add(partition, `${partition}-${time}-${n}`, time);
  }

  it('knows what it has been given, per partition', () => {
    add('UA/events', 'a');
    assert.deepEqual([has('UA/events', 'a'), has('UA/events', 'b')], [true, false]);
    assert.deepEqual([has('UA/user-properties', 'a'), has('DL/events', 'a')], [false, false]);
  });

  it('takes fingerprints from anywhere in a buffer', () => {
    const prints = Buffer.concat([print('a'), print('b')]);
    dedupe.addAll('UA/events', prints.subarray(FINGERPRINT_BYTES), 0);
    assert.deepEqual([has('UA/events', 'a'), has('UA/events', 'b')], [false, true]);
  });

  it('remembers for the window, and forgets what has left it when a new hour begins', () => {
    open({ windowMs: 2 * HOUR });
    add('UA/events', 'old', 0);
    add('UA/events', 'young', HOUR);
    add('DL/events', 'old', 0);
    add('UA/events', 'x', 2 * HOUR + 1);
    assert.ok(has('UA/events', 'old'), 'still within the window, whose hours are whole');
    add('UA/events', 'y', 3 * HOUR);
    assert.deepEqual([has('UA/events', 'old'), has('UA/events', 'young')], [false, true]);
    dedupe.expire(3 * HOUR);
    assert.equal(has('DL/events', 'old'), false, 'in partitions that are idle too');
  });

  it('takes what comes out of order, as it does when it is rebuilt or the clock goes back', () => {
    add('UA/events', 'late', 5 * HOUR);
    add('UA/events', 'early', 3 * HOUR);
    add('UA/events', 'late too', 5 * HOUR);
    assert.ok(has('UA/events', 'late') && has('UA/events', 'early') && has('UA/events', 'late too'));
  });

  it('forgets nothing of any partition for what came while the clock was ahead', () => {
    let now = 100 * HOUR;
    open({ now: () => now });
    add('UA/events', 'before', now);
    add('DL/events', 'other', now);
    now += 72 * HOUR;
    add('clock/events', 'wrong', now);
    now -= 72 * HOUR;
    add('clock/events', 'right', now);
    assert.deepEqual([has('UA/events', 'before'), has('DL/events', 'other')], [true, true]);
    assert.deepEqual([has('clock/events', 'wrong'), has('clock/events', 'right')], [true, true]);
  });

  it('counts what was received in the future as received now, when it is rebuilt', () => {
    let now = 100 * HOUR;
    open({ now: () => now });
    add('UA/events', 'future', now + 72 * HOUR);
    add('UA/events', 'now', now);
    assert.deepEqual([has('UA/events', 'future'), has('UA/events', 'now')], [true, true]);
    now += 26 * HOUR;
    add('UA/events', 'tomorrow', now);
    assert.equal(has('UA/events', 'future'), false);
  });

  it('is a set, whatever fingerprints come', () => {
    const word = fc.constantFrom(0, 1, 2, 0x40, 0x80, 0xffffffff);
    const bits = fc.tuple(word, word, word).map((words) => {
      const prints = Buffer.alloc(FINGERPRINT_BYTES);
      words.forEach((each, at) => prints.writeUInt32LE(each, 4 * at));
      // A first word of 0 means "free", and is kept as 1: these two count as one fingerprint.
      if (words[0] === 0) prints.writeUInt32LE(1, 0);
      return prints;
    });
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 300 }), fc.array(bits, { maxLength: 50 }), (added, asked) => {
        open();
        for (const each of added) dedupe.addAll('l', each, 0);
        const known = new Set(added.map((each) => each.toString('hex')));
        for (const each of [...added, ...asked])
          assert.equal(dedupe.has('l', each, 0), known.has(each.toString('hex')));
      }),
    );
  });

  it('knows a fingerprint of nothing but zeros', () => {
    assert.equal(dedupe.has('l', Buffer.alloc(FINGERPRINT_BYTES), 0), false);
    dedupe.addAll('l', Buffer.alloc(FINGERPRINT_BYTES), 0);
    assert.equal(dedupe.has('l', Buffer.alloc(FINGERPRINT_BYTES), 0), true);
  });

  it('forgets the oldest bucket of the partition that holds most when memory is used up', () => {
    open({ maxBytes: 75 * KB });
    add('small/events', 'first', 0);
    fill('large/events', 1_000, 0);
    fill('large/events', 1_000, HOUR);
    fill('large/events', 1_000, 2 * HOUR);
    fill('large/events', 1_000, 3 * HOUR);
    assert.ok(dedupe.bytes <= 75 * KB, `${dedupe.bytes} bytes`);
    assert.equal(has('large/events', 'large/events-0-0'), false);
    assert.ok(has('large/events', `large/events-${3 * HOUR}-0`));
    assert.ok(has('small/events', 'first'), 'the small partition pays nothing');
  });

  it('keeps to its memory when many partitions grow within one hour', () => {
    open({ maxBytes: 200 * KB });
    for (let partition = 0; partition < 50; partition++) {
      fill(`partition-${partition}`, 500);
      assert.ok(dedupe.bytes <= 200 * KB, `${dedupe.bytes} bytes after ${partition} partitions`);
      assert.ok(has(`partition-${partition}`, `partition-${partition}-0-499`), 'what has just come is known');
    }
  });

  it('keeps to its memory when it remembers far more than it may', () => {
    open({ maxBytes: 64 * KB });
    for (let n = 0; n < 20_000; n++) {
      add(`partition-${n % 7}`, `e${n}`, n * 60_000);
      if (n % 500 === 0) assert.ok(dedupe.bytes <= 64 * KB);
    }
  });
});

describe('a fingerprint', () => {
  it('is what spools have kept of earlier versions', async () => {
    const target = Buffer.alloc(FINGERPRINT_BYTES);
    (await createFingerprint([1n, 2n]))('event-1', target, 0);
    assert.equal(target.toString('hex'), '1db91efb8de05b8da324efa7');
  });

  it('depends on the id and on both seeds', async () => {
    const seeds: [bigint, bigint][] = [
      [1n, 2n],
      [2n, 1n],
      [1n, 1n],
      [3n, 2n],
    ];
    const prints = await Promise.all(
      seeds.map(async (pair) => {
        const target = Buffer.alloc(FINGERPRINT_BYTES);
        (await createFingerprint(pair))('a', target, 0);
        return target.toString('hex');
      }),
    );
    assert.equal(new Set(prints).size, seeds.length);
  });

  it('tells 100,000 ids apart', async () => {
    const fingerprint = await createFingerprint([1n, 2n]);
    const target = Buffer.alloc(FINGERPRINT_BYTES);
    const seen = new Set<string>();
    for (let n = 0; n < 100_000; n++) {
      fingerprint(`event-${n}`, target, 0);
      seen.add(target.toString('latin1'));
    }
    assert.equal(seen.size, 100_000);
  });
});
