import assert from 'node:assert/strict';
import { ackIdOf, newLeasedBatchId, parseAckId } from '../../src/pull/ack-id.js';

describe('ack ids', () => {
  it('come back as they were made', () => {
    for (const [line, lease] of [
      [0, 1],
      [9_999, 123_456],
    ] as const) {
      const name = { batch: newLeasedBatchId(), line, lease };
      assert.deepEqual(parseAckId(ackIdOf(name)), name);
    }
  });

  for (const bad of [
    '',
    'x',
    'x.1.1',
    `${'a'.repeat(16)}.1`,
    `${'a'.repeat(16)}.-1.1`,
    `${'a'.repeat(16)}.1.1\n`,
  ]) {
    it(`are not ${JSON.stringify(bad)}`, () => assert.equal(parseAckId(bad), undefined));
  }
});
