import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { crcOfBoth } from '../../src/ingest/crc-of-both.js';

describe('the CRC-32 of two contents, from theirs', () => {
  for (const [first, second] of [
    [0, 0],
    [0, 10],
    [10, 0],
    [1, 1],
    [3, 255],
    [1_000, 65_536],
    [65_537, 1_000_003],
  ] as const)
    it(`is that of both, of ${first} and ${second} bytes`, () => {
      const [a, b] = [randomBytes(first), randomBytes(second)];
      assert.equal(crcOfBoth(crc32(a), crc32(b), b.length), crc32(Buffer.concat([a, b])));
    });
});
