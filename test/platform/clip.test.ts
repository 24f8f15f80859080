import assert from 'node:assert/strict';
import { clipToJsonBytes, jsonBytes } from '../../src/platform/clip.js';

describe('a text that is cut by its bytes', () => {
  const texts = ['a', 'ж', '"', '\\', '\u0007', '\n', '👍', '€', '\ud83d', 'aж👍"'].map((part) =>
    part.repeat(100),
  );

  it('counts as JSON does', () => {
    for (const text of [...texts, ''])
      assert.equal(jsonBytes(text), Buffer.byteLength(JSON.stringify(text)) - 2, JSON.stringify(text));
  });

  it('fits, is as long as it may be, and ends on a whole character', () => {
    for (const text of texts)
      for (let max = 3; max <= jsonBytes(text) + 1; max += 7) {
        const clipped = clipToJsonBytes(text, max);
        assert.ok(jsonBytes(clipped) <= max);
        if (jsonBytes(text) <= max) assert.equal(clipped, text);
        else {
          const kept = clipped.slice(0, -1);
          assert.ok(clipped.endsWith('…') && text.startsWith(kept));
          assert.ok(max - jsonBytes(clipped) < 6, 'no more is left out than has to be');
          if (text.isWellFormed()) assert.ok(clipped.isWellFormed());
        }
      }
  });
});
