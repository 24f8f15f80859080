import assert from 'node:assert/strict';
import { EventWriter } from '../../bench/load/event-writer.js';
import { isRejection, validateEvent } from '../../src/api/validate-event.js';

const NOW = Date.parse('2026-03-04T05:06:07.089Z');
type Event = { id: string; subject: string; time: string; type: string; data: { flight: number } };

describe("the bench's event writer", () => {
  it('writes events the API takes, each with an id of its own and stamped as asked', () => {
    const writer = new EventWriter('abcdef01');
    const subjects = { first: 3, step: 16, count: 250 };
    // More events than the week has, so that templates come around again.
    const events = Array.from(
      { length: 130 },
      () => JSON.parse(writer.body(100, NOW, subjects).toString('utf8')) as Event[],
    ).flat();
    assert.equal(new Set(events.map(({ id }) => id)).size, 13_000);
    for (const event of events) {
      // How the time of receipt is passed is not this test's business.
      const result = validateEvent(event, 'events', NOW as never);
      assert.ok(!isRejection(result), JSON.stringify(result));
      assert.equal(event.time, '2026-03-04T05:06:07.089Z');
      assert.match(event.id, /^abcdef01-\d{10}$/);
      const subject = Number(/^S(\d{7})$/.exec(event.subject)?.[1]);
      assert.equal(subject % 16, 3);
      assert.ok(subject < 16 * 250);
    }
    assert.equal(new Set(events.map(({ subject }) => subject)).size, 250);
    assert.ok(
      new Set(events.map(({ data }) => data.flight)).size > 1_000,
      'real flights, not one again and again',
    );
  });

  it('writes a single event as itself, not as an array', () => {
    const body = new EventWriter('abcdef01').body(1, NOW, { first: 5_000_000, step: 0, count: 1 });
    const event = JSON.parse(body.toString('utf8')) as Event;
    assert.equal(event.subject, 'S5000000');
    assert.equal(event.id, 'abcdef01-0000000000');
  });
});
