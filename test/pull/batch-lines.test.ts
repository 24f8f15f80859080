import assert from 'node:assert/strict';
import fc from 'fast-check';
import { toCloudEvent } from '../../src/events/cloudevent.js';
import type { EventRow, Stream } from '../../src/events/event.js';
import { BatchLines } from '../../src/pull/batch-lines.js';
import { flights } from '../support/pulling.js';

const linesOf = (rows: readonly object[], stream: Stream = 'events'): BatchLines => {
  const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  return new BatchLines(Buffer.from(ndjson), rows.length, stream);
};

describe('BatchLines', () => {
  const [plain] = flights('a', 1) as [EventRow];
  const tricky: readonly [string, Partial<EventRow>][] = [
    ['no data', { data: undefined }],
    ['data in base64', { data: undefined, data_base64: 'AAEC' }],
    ['extension attributes', { extensions: { hops: 4, traceparent: 'x' } }],
    ['data that look like extension attributes', { data: { extensions: { hops: 3 } } }],
    ['data that end as an event does', { data: { received_at: plain.received_at } }],
    ['text that looks like the end of an event', { data: `,"received_at":"${plain.received_at}"}` }],
    ['a quote at the end of the time', { received_at: '2013-01-02T00:00:00.00"' }],
    ['another form of time', { received_at: '2013-01-02T00:00:00Z' }],
    ['letters of several bytes', { subject: 'é ☃ 𝄞', data: { '☃': '𝄞' } }],
  ];
  for (const [what, more] of tricky) {
    it(`gives events with ${what} as they are parsed`, () => {
      const rows = [plain, { ...plain, ...more }, plain];
      const lines = linesOf(rows);
      for (const line of rows.keys()) {
        const expected: unknown = JSON.parse(JSON.stringify(toCloudEvent(lines.event(line))));
        assert.deepEqual(JSON.parse(lines.json(line)), expected);
      }
    });
  }

  it('gives any event as it is parsed', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(fc.array(fc.record({ subject: text, data: fc.jsonValue() })), (events) => {
        const rows = events.map((event) => {
          const { received_at, ...row } = { ...plain, ...event };
          return { ...row, received_at };
        });
        const lines = linesOf(rows);
        for (const line of rows.keys())
          assert.deepEqual(
            JSON.parse(lines.json(line)),
            JSON.parse(JSON.stringify(toCloudEvent(lines.event(line)))),
          );
      }),
    );
  });

  it('gives a decision as the event derived from it', () => {
    const row = {
      id: 'e1:late:1',
      event_id: 'e1',
      subject: 's',
      rule: 'late',
      rule_version: '1',
      outcome: 'eligible',
      reason: 'x',
      time: '2013-01-01T05:00:00Z',
    };
    const event = JSON.parse(linesOf([row], 'decisions').json(0)) as Record<string, unknown>;
    assert.deepEqual(
      [event.type, event.id, event.stage, event.hops, event.receivedat],
      ['headgate.decision.changed', 'e1:late:1', 'decision', 1, row.time],
    );
  });
});
