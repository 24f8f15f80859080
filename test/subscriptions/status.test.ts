import assert from 'node:assert/strict';
import { rateOf, statusOf } from '../../src/subscriptions/status.js';

describe('a status as the reason of a rate', () => {
  const since = '2026-11-28T10:00:00.000Z';

  for (const [name, reason] of [
    ['ASCII', 'a'.repeat(500)],
    ['Cyrillic', 'я'.repeat(500)],
    ['emoji', '👍'.repeat(500)],
    ['quotes', '"'.repeat(500)],
    ['control characters', '\u0001'.repeat(500)],
  ] as const) {
    it(`fits into the 1,000 bytes that Temporal takes: 500 of ${name}`, () => {
      const rate = rateOf({ state: 'paused', by: 'ops', since, reason }, 10);
      assert.ok(Buffer.byteLength(rate.reason) <= 1_000, String(Buffer.byteLength(rate.reason)));
      const read = statusOf(rate);
      assert.deepEqual([read.state, read.by, read.since], ['paused', 'ops', since]);
      const kept = read.reason?.replace(/…$/, '') ?? '';
      assert.ok(reason.startsWith(kept) && kept.length > 90, read.reason);
    });
  }
});
