import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { InputStream } from '../../src/events/event.js';
import { FINGERPRINT_BYTES } from '../../src/ingest/fingerprint.js';
import type { Chunk } from '../../src/events/chunk.js';
import { Spool } from '../../src/ingest/spool.js';
import { decodeRecord, encodeRecord } from '../../src/ingest/spool-record.js';
import { damageSpool } from '../support/damage.js';
import { event } from '../support/events.js';
import { appendTo, recordOf } from '../support/records.js';
import { useTempDir } from '../support/temp-dir.js';

describe('a spool that the disk has damaged', () => {
  const dir = useTempDir();
  let spool: Spool;

  beforeEach(() => {
    spool = new Spool(dir());
  });
  afterEach(() => spool.close());

  async function damaged(...texts: string[]): Promise<void> {
    await spool.close();
    for (const text of texts) damageSpool(dir(), text);
    spool = new Spool(dir());
  }

  const append = (id: string, tenant = 'UA', stream: InputStream = 'events'): Promise<Chunk> =>
    appendTo(spool, ...recordOf(tenant, stream, [event(id, 0, { data: { seats: `seats of ${id}` } })]));

  const held = (): string[] => [...spool.held()].map(({ tenant, seq }) => `${tenant} ${seq}`);

  it('says so of the chunk whose events are damaged, knows whose they are, and gives out the others', async () => {
    const [a, b, c] = [await append('a'), await append('b'), await append('c', 'DL')];
    await damaged('seats of b');
    assert.deepEqual(held(), [`UA ${a.seq}`, `UA ${b.seq}`, `DL ${c.seq}`]);
    assert.throws(() => spool.read(b), { code: 'BATCH_CORRUPT' });
    for (const whole of [a, c]) assert.equal(spool.read(whole).head.events, 1);
    assert.ok(spool.raw(b)?.includes('reats of b'), 'its bytes are there as they are');
    assert.deepEqual([...spool.headless()], []);
  });

  it('does not remember ids that are damaged, so that they can be sent again', async () => {
    const chunks = [await append('a'), await append('b')];
    await damaged('seats of b');
    const prints = (): string[] => [...spool.keptPrints(0)].map((kept) => kept.prints.toString());
    assert.deepEqual(prints(), ['a'.repeat(FINGERPRINT_BYTES)]);
    await spool.delete(chunks);
    assert.deepEqual(prints(), ['a'.repeat(FINGERPRINT_BYTES)]);
    assert.equal(spool.bytes, 0);
  });

  it('takes nobody for the owner of a chunk whose head is damaged, and lets go of it', async () => {
    const [a, b] = [await append('a'), await append('b', 'DL')];
    // The next tenant's name is one bit away.
    await damaged('"tenant":"DL"', 'tenant":"DL"', 'DL"');
    assert.deepEqual(held(), [`UA ${a.seq}`]);
    const [headless, ...none] = [...spool.headless()];
    assert.deepEqual([headless?.seq, none], [b.seq, []]);
    assert.equal(spool.bytes, a.spoolBytes + b.spoolBytes);
    await spool.removeHeadless(b.seq, headless!.record);
    assert.deepEqual([[...spool.headless()], spool.bytes], [[], a.spoolBytes]);
    assert.ok((await append('c')).seq > b.seq);
  });

  it('notices every bit that is not what was written', () => {
    const whole = encodeRecord(...recordOf('UA', 'events', [event('a', 0), event('b', 1)]));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(7), (at, bit) => {
        const record = Buffer.from(whole);
        record[at] = (record[at] as number) ^ (1 << bit);
        assert.throws(() => decodeRecord(record), { code: 'BATCH_CORRUPT' });
      }),
      { numRuns: 1_000 },
    );
  });

  it('notices a record that is cut short', () => {
    const whole = encodeRecord(...recordOf('UA', 'events', [event('a', 0)]));
    for (let length = 0; length < whole.length; length++)
      assert.throws(() => decodeRecord(whole.subarray(0, length)), { code: 'BATCH_CORRUPT' }, String(length));
  });

  it('reads records of before there were checksums', () => {
    const [head, body] = recordOf('UA', 'events', [event('a', 0)]);
    const text = Buffer.from(JSON.stringify(head));
    const prefix = Buffer.alloc(9);
    prefix.writeUInt32LE(text.length, 0);
    const record = decodeRecord(
      Buffer.concat([prefix, text, body.prints, body.decisions.content, body.events.content]),
    );
    assert.deepEqual([record.head, record.prints, record.events], [head, body.prints, body.events]);
  });
});
