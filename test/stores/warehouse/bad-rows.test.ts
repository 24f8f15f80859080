import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parseBody } from '../../../src/api/parse-body.js';
import type { Written } from '../../../src/api/scan-json.js';
import { isRejection, MAX_EVENT_BYTES, validateEvent } from '../../../src/api/validate-event.js';
import type { EventRow } from '../../../src/events/event.js';
import { HeadgateError } from '../../../src/errors.js';
import { compactTenant } from '../../../src/stores/warehouse/parquet/compaction.js';
import type { PromotedField } from '../../../src/events/promoted-field.js';
import type { BadRows, LoadBatch, LoadInput } from '../../../src/stores/warehouse/warehouse.js';
import { leavesNoTemporaryFile } from '../../support/temp-dir.js';
import { batchId, event, Fixture } from './fixture.js';

const NOW = Date.parse('2024-03-10T12:00:00Z');
const RECEIVED = { ms: NOW, iso: new Date(NOW).toISOString() };

/** An event's line with some JSON, or some octets, as its data. */
function line(id: string, data: string | Buffer): Buffer {
  const [before = '', after = ''] = JSON.stringify(event(id, { data: '@' })).split('"@"');
  return Buffer.concat([Buffer.from(before), Buffer.from(data), Buffer.from(after)]);
}
const attribute = (id: string, more: object): Buffer =>
  Buffer.from(JSON.stringify({ ...event(id), ...more }));
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** What a load cannot take, or could be thought not to take: its line, and what the API says of such an event. */
const LINES: [what: string, line: Buffer, loads: boolean][] = [
  ['invalid JSON', Buffer.from('{"id": '), false],
  ['no JSON', Buffer.from('hello'), false],
  ['an array', Buffer.from('[1]'), false],
  ['a text', Buffer.from('"x"'), false],
  ['two events', Buffer.concat([line('x', '1'), line('x', '1')]), false],
  ['a leading zero', line('x', '01'), false],
  ['a comment', line('x', '/* 1 */ 1'), false],
  ['half of a surrogate pair', line('x', String.raw`"\ud800"`), false],
  ['the other half of one', line('x', String.raw`"\udc00x"`), false],
  ['a surrogate in UTF-8', line('x', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), false],
  ['octets that are not UTF-8', line('x', Buffer.from([0x22, 0xc3, 0x28, 0x22])), false],
  ['a control character', line('x', Buffer.from([0x22, 0x01, 0x22])), false],
  ['NUL', line('x', Buffer.from([0x22, 0x00, 0x22])), false],
  ['a time that is none', attribute('x', { time: 'soon' }), false],
  ['a number as the time', attribute('x', { time: 5 }), false],
  ['the 30th of February', attribute('x', { time: '2024-02-30T00:00:00Z' }), false],
  ['a time beyond all calendars', attribute('x', { time: '294248-01-01T00:00:00Z' }), false],
  ['a time of receipt that is none', attribute('x', { received_at: 'soon' }), false],
  ['the year 0', attribute('x', { time: '0000-01-01T00:00:00Z' }), true],
  ['a year of five digits, in UTC', attribute('x', { time: '9999-12-31T23:59:59-10:00' }), true],
  ['a leap second', attribute('x', { time: '2016-12-31T23:59:60Z' }), true],
  ['the farthest offset there is', attribute('x', { time: '2024-03-10T12:00:00+14:00' }), true],
  ['a number beyond all doubles', line('x', '1e400'), true],
  ['a whole number of many digits', line('x', '12345678901234567890123'), true],
  ['64 levels', line('x', nested(64)), true],
  ['65 levels', line('x', nested(65)), true],
  ['100,000 levels', line('x', nested(100_000)), true],
  [
    '10,000 keys',
    line('x', JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [n, n])))),
    true,
  ],
  ['17 MB', line('x', `"${'x'.repeat(17_000_000)}"`), true],
  ['a key twice', line('x', '{"a":1,"a":2}'), true],
  ['an escaped NUL', line('x', String.raw`{"\u0000":"\u0000"}`), true],
];

/** Those of them that a producer can send. */
const API_TAKES = new Set([
  'the farthest offset there is',
  '64 levels',
  '10,000 keys',
  'a leap second',
  'an escaped NUL',
]);

const PROMOTED: PromotedField[] = [
  { column: 'a', path: ['a'], type: 'integer' },
  { column: 'b', path: ['0'], type: 'text' },
];

describe('rows that cannot be loaded', function () {
  this.timeout(60_000);
  let fixture: Fixture;
  let told: BadRows[];
  /** One warehouse for what would be many, a tenant for each. */
  let shared: Fixture;

  before(() => {
    shared = new Fixture();
  });
  after(() => shared.close());
  beforeEach(() => {
    fixture = new Fixture();
    told = [];
  });
  afterEach(() => fixture.close());

  const parking: Partial<LoadInput> = {
    onBadRows: (bad) => {
      told.push(...bad);
      return Promise.resolve();
    },
  };

  /** A batch file of these lines. */
  function batchOf(sequence: number, lines: readonly Buffer[]): LoadBatch {
    const batch = fixture.batch(batchId(sequence), []);
    writeFileSync(batch.path, gzipSync(Buffer.concat(lines.flatMap((each) => [each, Buffer.from('\n')]))));
    return { ...batch, rows: lines.length };
  }
  const good = (id: string): Buffer => line(id, '{"n":1}');
  const ids = async () => (await fixture.rows('SELECT id FROM events ORDER BY id')).map(([id]) => id);

  for (const [index, [what, bad, loads]] of LINES.entries()) {
    it(`${loads ? 'are not' : 'are'} those with ${what}: ${loads ? 'it loads' : 'the rest loads'}`, async () => {
      const tenant = `t${index}`;
      const batch = batchOf(1, [good('a'), bad, good('b')]);
      const result = await shared.load('w1', [batch], { ...parking, tenant });
      const loaded = await shared.rows('SELECT id FROM events ORDER BY id', tenant);
      assert.deepEqual(loaded.flat(), loads ? ['a', 'b', 'x'] : ['a', 'b']);
      assert.deepEqual([result.rows, result.leftOut], loads ? [3, undefined] : [2, 1]);
      const rows = told.flatMap(({ rows }) => rows.map(({ line, text }) => [line, text]));
      assert.deepEqual(rows, loads ? [] : [[1, bad.toString('utf8')]]);
    });

    it(`${API_TAKES.has(what) ? 'may' : 'never'} come through the API with ${what}`, () => {
      const candidate = parseBody(
        { headers: { 'content-type': 'application/x-ndjson' }, rawHeaders: [] },
        bad,
      ).at(0);
      assert.equal('value' in candidate && isTaken(candidate.value, candidate.written), API_TAKES.has(what));
      assert.ok(loads || !API_TAKES.has(what));
    });
  }

  /** The time of receipt is the API's own; no attribute has such a name. */
  function isTaken(value: unknown, written: Written): boolean {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const { received_at, ...sent } = value as Record<string, unknown>;
    const members = written.members - (received_at === undefined ? 0 : 1);
    const row =
      received_at === 'soon' ? undefined : validateEvent(sent, 'events', RECEIVED, { ...written, members });
    return row !== undefined && !isRejection(row) && JSON.stringify(row).length <= MAX_EVENT_BYTES;
  }

  it('are none of what the API takes, whatever it is', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const sent = fc.record(
      {
        specversion: fc.constant('1.0'),
        id: text,
        source: text,
        type: text,
        subject: text,
        time: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        data: fc.jsonValue({ stringUnit: 'binary' }),
        traceid: fc.oneof(text, fc.integer(), fc.boolean()),
      },
      { requiredKeys: ['specversion', 'id', 'source', 'type'] },
    );
    const rows = fc
      .sample(sent, { numRuns: 3_000, seed: 1 })
      .map((each) => validateEvent(each, 'events', RECEIVED))
      .filter((row) => !isRejection(row))
      .map((row, index) => ({ ...(row as EventRow), id: `e${index}` }));
    assert.ok(rows.length > 300, `${rows.length} events taken`);
    const result = await fixture.load('w1', [fixture.batch(batchId(1), rows)], {
      ...parking,
      promoted: PROMOTED,
    });
    assert.deepEqual([result.rows, told], [rows.length, []]);
    const loaded = new Map(
      (await fixture.rows('SELECT id, data FROM events LIMIT 10000')) as [string, unknown][],
    );
    for (const { id, data } of rows) assert.deepEqual(loaded.get(id), data ?? null);
  });

  it('say what is wrong with them, without our paths or statements', async () => {
    await fixture.load(
      'w1',
      [batchOf(1, [good('a'), Buffer.from('{"id": ')]), batchOf(2, [attribute('t', { time: 'soon' })])],
      parking,
    );
    assert.deepEqual(
      told.map(({ batchId, rows }) => [batchId, rows.map(({ reason }) => reason)]),
      [
        [batchId(1), ['Invalid Input Error: Malformed JSON at byte 9: unexpected end of data.']],
        [
          batchId(2),
          [
            'Conversion Error: invalid timestamp field format: "SOON", expected format is (YYYY-MM-DD HH:MM:SS[.US][±HH[:MM[:SS]]| ZONE])',
          ],
        ],
      ],
    );
  });

  it('are found wherever they are, and the rows beside them keep their order', async () => {
    const wrong = new Set([0, 1, 7, 64, 499, 500, 998, 999]);
    const lines = Array.from({ length: 1_000 }, (_, n) =>
      wrong.has(n) ? Buffer.from(`{"bad": ${n}`) : good(`e${String(n).padStart(4, '0')}`),
    );
    const result = await fixture.load(
      'w1',
      [batchOf(1, [good('a')]), batchOf(2, lines), batchOf(3, [good('z')])],
      parking,
    );
    assert.deepEqual(
      told.map(({ batchId, rows }) => [batchId, rows.map(({ line }) => line)]),
      [[batchId(2), [...wrong]]],
    );
    assert.deepEqual([result.rows, result.leftOut, result.loaded.length], [994, 8, 3]);
    const rows = await fixture.rows(`SELECT id FROM events WHERE batch_id = '${batchId(2)}'`);
    assert.equal(rows.length, 992);
  });

  it('may be all rows of a batch, and of a load: it is held all the same', async () => {
    const batch = batchOf(1, [Buffer.from('no'), Buffer.from('nor this')]);
    const result = await fixture.load('w1', [batch], parking);
    assert.deepEqual([result.rows, result.leftOut, result.loaded], [0, 2, [batch.batchId]]);
    await fixture.restart();
    const again = await fixture.load('w2', [batch], parking);
    assert.deepEqual([again.rows, again.leftOut, again.alreadyHeld], [0, undefined, [batch.batchId]]);
    assert.equal(told.length, 1);
    assert.deepEqual(await ids(), []);
  });

  it('beyond five hundred are taken together with what is near them, and nothing is loaded twice or lost', async () => {
    const isGood = (n: number): boolean => n % 8 === 7;
    const lines = Array.from({ length: 800 }, (_, n) =>
      isGood(n) ? good(`e${n}`) : Buffer.from(`{"bad": ${n}`),
    );
    const result = await fixture.load('w1', [batchOf(1, lines)], parking);
    const leftOut = told.flatMap(({ rows }) => rows.map(({ line }) => line));
    assert.ok(leftOut.length > 700 && leftOut.length < 800, `${leftOut.length} left out`);
    assert.deepEqual([result.rows, result.leftOut], [800 - leftOut.length, leftOut.length]);
    const loaded = new Set(await ids());
    for (let n = 0; n < 800; n++)
      assert.equal(loaded.has(`e${n}`), isGood(n) && !leftOut.includes(n), `e${n}`);
  });

  it('are told again by a retry, and counted by one that finds the load done, also after a compaction', async () => {
    const batches = [batchOf(1, [good('a'), Buffer.from('no')]), batchOf(2, [good('b')])];
    const failing = {
      onBadRows: () => Promise.reject(new HeadgateError('ENGINE_UNAVAILABLE', 'away', { retryable: true })),
    };
    await assert.rejects(fixture.load('w1', batches, failing), /away/);
    assert.deepEqual(await ids(), []);
    const first = await fixture.load('w1', batches, parking);
    await fixture.restart();
    const again = await fixture.load('w1', batches, parking);
    assert.deepEqual(again, first);
    assert.equal(told.length, 1);
    await fixture.load('w2', [batchOf(3, [good('c'), Buffer.from('nor this')])], parking);
    await compactTenant({ root: fixture.root, tenant: 'UA', olderThanMs: 0, graceMs: 0 });
    await fixture.restart();
    const { rows, leftOut } = await fixture.load('w1', batches, parking);
    assert.deepEqual([rows, leftOut, await ids()], [2, 1, ['a', 'b', 'c']]);
  });

  it('fail the load where nobody takes them', async () => {
    await assert.rejects(fixture.load('w1', [batchOf(1, [good('a'), Buffer.from('no')])]), /Malformed JSON/);
  });

  it('are not looked for when a file is damaged, or has other rows than it should', async () => {
    const torn = batchOf(1, [good('a'), Buffer.from('no')]);
    writeFileSync(torn.path, gzipSync(Buffer.concat([good('a'), Buffer.from('\nno\n')])).subarray(0, 60));
    await assert.rejects(fixture.load('w1', [torn], parking), HeadgateError);
    await assert.rejects(
      fixture.load('w2', [{ ...batchOf(2, [good('a'), Buffer.from('no')]), rows: 3 }], parking),
      /Malformed JSON/,
    );
    assert.deepEqual(told, []);
    assert.deepEqual(await ids(), []);
  });

  it('leave no files behind', async () => {
    await leavesNoTemporaryFile(async () => {
      await fixture.load('w1', [batchOf(1, [Buffer.from('no'), good('a')])], parking);
    });
  });
});
