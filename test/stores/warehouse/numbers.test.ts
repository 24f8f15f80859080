import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseBody } from '../../../src/api/parse-body.js';
import { isRejection, validateEvent } from '../../../src/api/validate-event.js';
import type { EventRow } from '../../../src/events/event.js';
import { stage } from '../../../src/stores/warehouse/bigquery/stage.js';
import { createEngine } from '../../../src/stores/warehouse/engine.js';
import { Random } from '../../support/random.js';
import { batchId, Fixture } from './fixture.js';

const NOW = { ms: Date.parse('2026-03-01T12:00:00Z'), iso: '2026-03-01T12:00:00.000Z' };
const ODD = [
  '0',
  '1',
  '-1',
  '0.1',
  '1.10',
  '1E2',
  '1e-7',
  '1.5e-7',
  '0.000001',
  '1e21',
  '1e+21',
  '1e300',
  '5e-324',
  '9007199254740991',
  '-9007199254740991',
  '0.30000000000000004',
  '1.7976931348623157e308',
  '100000e-5',
  '123456789012345678e-2',
  '12345678901234567890.12',
  '123456789012.345678',
  '1e-400',
  '-0',
  '2e-324',
  '1.2345678901234567e23',
  '123456789012345678901234',
  '4503599627370497.5',
  '4503599627370497.123',
];

/** Texts of numbers as producers write them, most of them of doubles, some of decimals that are none. */
function numbers(): string[] {
  const source = new Random(11);
  const random = (): number => source.next();
  const octets = Buffer.alloc(8);
  const doubles = Array.from({ length: 3_000 }, () => {
    for (let at = 0; at < 8; at++) octets[at] = Math.floor(random() * 256);
    return octets.readDoubleLE(0);
  }).filter(Number.isFinite);
  const usual = Array.from({ length: 3_000 }, () => random() * 10 ** Math.floor(random() * 20 - 8));
  const decimals = usual.map(
    (each, at) => `${each.toFixed(at % 15)}${at % 15 > 0 && at % 7 === 0 ? '123456789' : ''}`,
  );
  return [...ODD, ...[...doubles, ...usual].map((each) => JSON.stringify(each)), ...decimals];
}

/** A decimal as digits without zeros around them, and their power of ten. */
function exactly(token: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? assert.fail(token);
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return `${sign}0`;
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${power}`;
}

describe('numbers that the API takes', function () {
  this.timeout(60_000);
  let fixture: Fixture;
  const sent = new Map<string, string>();
  let rows: EventRow[];

  before(() => {
    fixture = new Fixture();
    rows = numbers().flatMap((number, at) => {
      const json = `{"specversion":"1.0","id":"n${at}","source":"/n","type":"t","data":{"v":${number},"l":[${number}]}}`;
      const candidate = parseBody(
        { headers: { 'content-type': 'application/json' }, rawHeaders: [] },
        Buffer.from(json),
      ).at(0);
      assert.ok('value' in candidate);
      const row = validateEvent(candidate.value, 'events', NOW, candidate.written);
      if (isRejection(row)) return [];
      sent.set(row.id, number);
      return [row];
    });
    assert.ok(rows.length > 5_000, `${rows.length} are taken`);
  });
  after(() => fixture.close());

  function assertAsSent(id: string, data: string): void {
    const { v, l } = /^\{"v":(?<v>[^,]+),"l":\[(?<l>[^\]]+)\]\}$/.exec(data)?.groups ?? assert.fail(data);
    const number = exactly(sent.get(id)!);
    assert.deepEqual([id, exactly(v!), exactly(l!)], [id, number, number]);
  }

  it('are the same in Parquet, digit by digit', async () => {
    await fixture.load('w1', [fixture.batch(batchId(1), rows)]);
    const stored = await fixture.rows('SELECT id, CAST(data AS VARCHAR) FROM events');
    assert.equal(stored.length, rows.length);
    for (const [id, data] of stored) assertAsSent(String(id), String(data));
  });

  for (const writer of ['load-jobs', 'storage-write'] as const) {
    it(`are the same in what BigQuery gets by ${writer}, digit by digit`, async () => {
      const engine = createEngine({});
      const directory = join(fixture.dir, writer);
      mkdirSync(directory);
      const batches = [fixture.batch(batchId(2), rows)];
      const input = { tenant: 'UA', stream: 'events', loadId: 'w2', day: '2024-03-10', batches } as const;
      try {
        const { path } = await stage(
          engine,
          { ...input, loadedAt: '2024-03-10T12:00:05.000Z' },
          batches,
          directory,
          writer,
        );
        const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
        assert.equal(lines.length, rows.length);
        for (const line of lines) {
          const { id, data } = JSON.parse(line) as { id: string; data: unknown };
          const text = /"data":(\{.*?\]\})/.exec(line)?.[1];
          assertAsSent(id, typeof data === 'string' ? data : (text ?? assert.fail(line)));
        }
      } finally {
        await engine.close();
      }
    });
  }
});
