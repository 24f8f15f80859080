import assert from 'node:assert/strict';
import type { ExpressionFailure } from '../../src/expressions/failures.js';
import { Turns } from '../../src/platform/event-loop-turns.js';
import { openLeasedBatch } from '../../src/pull/open-leased-batch.js';
import { flights } from '../support/pulling.js';

describe('an ordering key that fails on an event', () => {
  it('is counted by subscription and kind, and holds nothing up', async () => {
    const data = [{ key: 'a' }, {}, { key: 7 }, { key: 'a' }];
    const rows = flights('k', data.length).map((row, line) => ({ ...row, data: data[line] }));
    const content = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const counted: ExpressionFailure[] = [];
    const batch = { events: rows.length, stream: 'events' };
    const pass = { input: { batch, subscription: 'bi', pending: [{ attempts: 0, count: rows.length }] } };
    const config = { maxAttempts: 5, orderingKey: 'event.data.key' };
    const opened = await openLeasedBatch(pass as never, {
      batchStore: { read: () => Promise.resolve(content) },
      config: config as never,
      onEnd: () => undefined,
      turns: new Turns(),
      onFailures: (failures) => void counted.push(...failures),
    });
    const leased = [1, 2, 3, 4].map(() => opened?.lease(1)?.line);
    assert.deepEqual(leased, [0, 1, 2, undefined]);
    assert.deepEqual(counted, [
      { owner: 'ordering-key', name: 'bi', code: 'MISSING', count: 1 },
      { owner: 'ordering-key', name: 'bi', code: 'INVALID_VALUE', count: 1 },
    ]);
  });
});
