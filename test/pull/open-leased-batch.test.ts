import assert from 'node:assert/strict';
import { Turns } from '../../src/platform/event-loop-turns.js';
import { LineSet } from '../../src/events/line-set.js';
import { openLeasedBatch } from '../../src/pull/open-leased-batch.js';
import { event } from '../support/events.js';
import { turnsOf } from '../support/turns-of.js';

const EVENTS = 60;

describe('a leased batch that is opened', () => {
  it('has its ordering keys worked out event by event, in turns that other tenants share', async () => {
    const rows = Array.from({ length: EVENTS }, (_, n) => event(`e${n}`, 0, { subject: `s${n % 2}` }));
    const ndjson = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const batch = { tenant: 'UA', stream: 'events', batchId: '20240310-0123abcd-000000001', events: EVENTS };
    const pending = [{ attempts: 0, count: EVENTS, lines: LineSet.first(EVENTS).encode() }];
    const { turns, result: opened } = await turnsOf(
      openLeasedBatch({ input: { batch, pending } } as never, {
        batchStore: { read: () => Promise.resolve(ndjson) },
        config: { maxAttempts: 5, orderingKey: 'event.subject' } as never,
        onEnd: () => undefined,
        turns: new Turns({ shareMs: 0 }),
      }),
    );
    assert.ok(turns >= EVENTS, `${turns} turns`);
    // One of each key.
    assert.equal(opened?.table.available, 2);
  });
});
