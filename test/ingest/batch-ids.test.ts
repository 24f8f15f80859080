import assert from 'node:assert/strict';
import { BatchIds } from '../../src/ingest/batch-ids.js';
import { isBatchId } from '../../src/tenants/ids.js';

const NODE = '0123abcd';

describe('ids of batches', () => {
  const AT = Date.parse('2026-03-01T23:59:59.999Z');
  let now: number;
  const idsOf = (known: readonly string[] = []): BatchIds => new BatchIds(NODE, known, () => now);

  beforeEach(() => (now = AT));

  it('have the day, the node and a number that rises, however many there are in a millisecond', () => {
    const ids = idsOf();
    const many = Array.from({ length: 100 }, () => ids.next());
    now++;
    const next = Array.from({ length: 100 }, () => ids.next());
    assert.ok([...many, ...next].every(isBatchId));
    assert.equal(many[0]?.slice(0, 18), `20260301-${NODE}-`);
    assert.equal(next[0]?.slice(0, 18), `20260302-${NODE}-`);
    assert.equal(new Set([...many, ...next].map((id) => id.slice(18))).size, 200);
    assert.deepEqual([...many, ...next].sort(), [...many, ...next]);
  });

  it('are above those that are known, also where the clock was set back since', () => {
    const before = idsOf().next();
    now -= 3_600_000;
    const after = idsOf([before, 'no-batch', `20260301-${NODE}-00000000b`]).next();
    assert.ok(after > before, `${after} is above ${before}`);
  });

  it('are never those that the original had given since the backup', () => {
    const backup = [idsOf().next()];
    const original = idsOf(backup);
    const given = new Set(Array.from({ length: 50 }, () => (now++, original.next())));
    now += 1_000;
    const restored = idsOf(backup);
    for (let n = 0; n < 50; n++) assert.ok(!given.has(restored.next()));
  });

  it('have nine digits until 2171, and sort after the numbers of earlier versions', () => {
    now = Date.parse('2170-01-01T00:00:00Z');
    assert.ok(isBatchId(idsOf().next()));
    now = AT;
    assert.ok(idsOf().next() > `20260301-${NODE}-000zzzzzz`);
  });
});
