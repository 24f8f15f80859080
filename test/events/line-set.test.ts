import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LineSet } from '../../src/events/line-set.js';

describe('a set of lines', () => {
  it('is what was added, in order, also after it was encoded', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(3_000)), (lines) => {
        const set = LineSet.of(lines);
        const sorted = [...lines].sort((a, b) => a - b);
        assert.deepEqual([...set], sorted);
        const decoded = LineSet.decode(set.encode(), 3_001);
        assert.deepEqual([...decoded], sorted);
        assert.equal(decoded.count, lines.length);
      }),
    );
  });

  it('without an encoding is all of the file', () => {
    for (const lines of [0, 1, 7, 8, 9, 100]) {
      const all = LineSet.decode(undefined, lines);
      assert.deepEqual([all.count, [...all].length, all.has(lines)], [lines, lines, false]);
    }
  });

  it('lets go of lines', () => {
    const set = LineSet.first(10);
    set.delete(9);
    set.delete(9);
    assert.deepEqual([set.count, set.has(9), set.has(8)], [9, false, true]);
  });

  it('refuses lines that the batch does not have, and what is no base64', () => {
    for (const encoded of [LineSet.of([10]).encode(), '?', 'ab\n'])
      assert.throws(() => LineSet.decode(encoded, 10), { code: 'BATCH_CORRUPT' });
  });
});
