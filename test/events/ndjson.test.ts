import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import {
  countLineFeeds,
  joinLines,
  octetLines,
  octetLinesOf,
  TextLines,
  textLines,
  textLinesOf,
} from '../../src/events/ndjson.js';

/** Octets that may not be text, none of them a line feed. */
const line = fc
  .uint8Array({ maxLength: 12 })
  .map((octets) => Buffer.from(octets.filter((one) => one !== 10)));
const lines = fc.array(line, { maxLength: 8 });
/** A text with what other splitters take for an end, and what takes several octets. */
const text = fc
  .array(fc.constantFrom('a', 'é', '☃', '𝄞', '\u2028', '\u0085'), { maxLength: 12 })
  .map((letters) => letters.join(''));

async function collected<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
}

/** In pieces of one size, as a stream may bring them. */
const inPieces = (content: Buffer, size: number): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(content.length / size) }, (_, n) =>
      content.subarray(n * size, (n + 1) * size),
    ),
  );

describe('lines of NDJSON', () => {
  it('are those that were joined, as octets, in memory and from a stream', async () => {
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 20 }), async (given, size) => {
        const ndjson = joinLines(given);
        assert.equal(countLineFeeds(ndjson), given.length);
        assert.deepEqual(octetLines(ndjson), given);
        assert.deepEqual(await collected(octetLinesOf(inPieces(ndjson, size))), given);
      }),
    );
  });

  it('are those that were joined, as texts, and none behind the last', () => {
    fc.assert(
      fc.property(lines, (given) => {
        const ndjson = joinLines(given);
        const kept = new TextLines(ndjson);
        assert.equal(kept.length, given.length);
        const texts = given.map((octets) => octets.toString('utf8'));
        assert.deepEqual(textLines(ndjson), texts);
        for (const [n, octets] of given.entries()) {
          assert.equal(kept.at(n), texts[n]);
          assert.deepEqual(kept.octetsAt(n), octets);
          assert.equal(kept.bytesAt(n), octets.length);
        }
        for (const behind of [given.length, given.length + 7]) {
          assert.equal(kept.at(behind), '');
          assert.equal(kept.octetsAt(behind).length, 0);
          assert.equal(kept.bytesAt(behind), 0);
        }
      }),
    );
  });

  it('need no line feed at the end', async () => {
    const content = Buffer.from('a\n\nbc');
    assert.deepEqual(textLines(content), ['a', '', 'bc']);
    assert.deepEqual(octetLines(content).map(String), ['a', '', 'bc']);
    assert.deepEqual((await collected(octetLinesOf(inPieces(content, 2)))).map(String), ['a', '', 'bc']);
    const kept = new TextLines(content);
    assert.deepEqual([kept.length, kept.at(1), kept.at(2), kept.bytesAt(2)], [3, '', 'bc', 2]);
  });

  it('end at line feeds alone, and with CRLF in what people write', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        async (given, size) => {
          const ended = (end: string): Buffer => Buffer.from(given.map((one) => one + end).join(''));
          assert.deepEqual(textLines(ended('\n')), given);
          assert.deepEqual(await collected(textLinesOf(inPieces(ended('\r\n'), size))), [...given, '']);
        },
      ),
    );
  });
});
