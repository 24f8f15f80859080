import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { constants, crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { join, pack, unpack, type Piece } from '../../src/ingest/pack.js';

/** What a request may hold: nothing, a line, more than is left as it is, more than a buffer of the library's. */
const SIZES = [0, 1, 100, 4_095, 4_096, 30_000, 200_000] as const;

/** NDJSON of about so many bytes, not all of it ASCII, some of it hard to compress. */
function ndjsonOf(bytes: number, seed: string): string {
  const line = `{"id":"${seed}","name":"Zoë","pad":"${'x'.repeat(50)}${randomBytes(20).toString('hex')}"}\n`;
  return (
    line.repeat(Math.ceil(bytes / line.length)).slice(0, Math.max(0, bytes - 1)) + (bytes > 0 ? '\n' : '')
  );
}

describe('the packing of requests', () => {
  it('gives back what was packed, whatever its size', async () => {
    for (const size of SIZES) {
      const ndjson = ndjsonOf(size, 'a');
      const piece = pack(ndjson);
      assert.equal((await unpack(piece)).toString(), ndjson);
      assert.equal(piece.deflated, Buffer.byteLength(ndjson) >= 4_096);
    }
  });

  it('joins pieces into a gzip file that has all of them, in order, in one member', async () => {
    const sizes = fc.array(fc.constantFrom(...SIZES), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, async (each) => {
        const ndjson = each.map((size, at) => ndjsonOf(size, String(at)));
        const file = await join(await Promise.all(ndjson.map(pack)));
        assert.equal(gunzipSync(file).toString(), ndjson.join(''));
        assertOneMember(file, ndjson.join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('gives nothing else for a piece that has changed on disk', async () => {
    const ndjson = ndjsonOf(30_000, 'a');
    const { content } = pack(ndjson);
    let refused = 0;
    for (let at = 0; at < content.length; at += 97) {
      const changed: Piece = { deflated: true, content: Buffer.from(content) };
      (changed.content as Buffer)[at]! ^= 1;
      const found = await unpack(changed).catch((error: { code?: string }) => error.code);
      // A bit that says whether a block is the last may change nothing.
      if (typeof found === 'object') assert.equal(found.toString(), ndjson);
      else assert.ok(['BATCH_CORRUPT', 'Z_DATA_ERROR'].includes(found ?? ''), found);
      refused += Number(typeof found !== 'object');
    }
    assert.ok(refused > 1);
  });
});

/** The first deflate stream ends where the file's trailer begins, and the trailer speaks of all of it. */
function assertOneMember(file: Buffer, ndjson: string): void {
  const inflated = inflateRawSync(file.subarray(10), {
    finishFlush: constants.Z_SYNC_FLUSH,
    info: true,
  }) as unknown as {
    engine: { bytesWritten: number };
  };
  assert.equal(inflated.engine.bytesWritten, file.length - 18);
  assert.equal(file.readUInt32LE(file.length - 8), crc32(ndjson));
  assert.equal(file.readUInt32LE(file.length - 4), Buffer.byteLength(ndjson));
}
