import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FINGERPRINT_BYTES } from '../../src/ingest/fingerprint.js';
import { decodeRecord, encodeRecord, type RecordHead } from '../../src/ingest/spool-record.js';
import { event } from '../support/events.js';
import { recordOf } from '../support/records.js';

const text = fc.string({ unit: 'grapheme', maxLength: 200 });

const head: fc.Arbitrary<RecordHead> = fc.record({
  tenant: text,
  stream: fc.constantFrom('events' as const, 'user-properties' as const),
  events: fc.nat(20),
  bytes: fc.nat(),
  receivedAt: fc.nat(),
  types: fc.array(text, { maxLength: 8 }),
  firstEvent: text,
  lastEvent: text,
  evaluated: fc.nat(),
  eligible: fc.dictionary(text, fc.nat(), { noNullPrototype: true }),
});

const piece = fc.record(
  { deflated: fc.boolean(), content: text.map((each) => Buffer.from(each)) },
  { noNullPrototype: true },
);

describe('a record of the spool', () => {
  it('comes apart into what it was made of, whatever the text', () => {
    fc.assert(
      fc.property(head, piece, piece, (said, events, decisions) => {
        const prints = Buffer.alloc(said.events * FINGERPRINT_BYTES, 'print');
        const record = decodeRecord(encodeRecord(said, { prints, events, decisions }));
        assert.equal(JSON.stringify(record.head), JSON.stringify(said));
        assert.deepEqual(record.prints, prints);
        assert.deepEqual([record.events, record.decisions], [events, decisions]);
      }),
    );
  });

  it('is read where it lies: what comes from the store is not copied', () => {
    const record = encodeRecord(...recordOf('UA', 'events', [event('a', 1)]));
    const { prints, events, decisions } = decodeRecord(record);
    for (const view of [prints, events.content, decisions.content]) assert.equal(view.buffer, record.buffer);
  });

  it('is a piece of memory of its own: a small one does not hold a large one', () => {
    const record = encodeRecord(...recordOf('UA', 'events', [event('a', 1)]));
    assert.equal(record.buffer.byteLength, record.length);
  });
});
