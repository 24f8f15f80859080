import assert from 'node:assert/strict';
import { FINGERPRINT_BYTES } from '../../src/ingest/fingerprint.js';
import { Fresh, type TakenEvent } from '../../src/ingest/fresh.js';

function fresh(count: number, chars = 100): Fresh {
  const events = Array.from({ length: count }, (_, n): TakenEvent => {
    const row = {
      specversion: '1.0' as const,
      id: `e${n}`,
      source: '/s',
      type: 't',
      time: '',
      received_at: '',
    };
    return { row, json: JSON.stringify({ id: row.id, data: 'x'.repeat(chars) }) };
  });
  const prints = Buffer.alloc(count * FINGERPRINT_BYTES);
  events.forEach((_, n) => prints.writeUInt32LE(n, n * FINGERPRINT_BYTES));
  return new Fresh(events, prints);
}

describe('new events of a request', () => {
  it('come in pieces of half a megabyte at most, so that nothing deflates more in one turn', () => {
    const events = fresh(40, 100_000);
    const pieces: number[] = [];
    while (!events.isEmpty) {
      const { ndjson, rows } = events.take(events.next().length);
      assert.ok(Buffer.byteLength(ndjson) <= 525_000, `${Buffer.byteLength(ndjson)} bytes`);
      pieces.push(rows.length);
    }
    assert.deepEqual(pieces, [5, 5, 5, 5, 5, 5, 5, 5]);
  });

  it('are listed again within a piece alone, however few a turn takes', () => {
    const events = fresh(2_500);
    const listed: number[] = [];
    for (let n = 0; !events.isEmpty; n++) {
      listed.push(events.next().length);
      const { rows, ndjson, prints } = events.take(1);
      assert.deepEqual(
        rows.map(({ id }) => id),
        [`e${n}`],
      );
      assert.equal((JSON.parse(ndjson) as { id: string }).id, `e${n}`);
      assert.equal(prints.readUInt32LE(0), n);
    }
    assert.equal(listed.length, 2_500);
    assert.ok(Math.max(...listed) <= 500);
  });

  it('are one piece where a request is small', () => {
    const events = fresh(100);
    assert.equal(events.next().length, 100);
    events.take(100);
    assert.ok(events.isEmpty);
  });

  it('are taken one by one where each is as large as events get', () => {
    const events = fresh(2, 600_000);
    assert.equal(events.next().length, 1);
  });
});
