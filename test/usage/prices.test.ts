import assert from 'node:assert/strict';
import { costOf, parsePrices, wholeCost, writeCost } from '../../src/usage/prices.js';

const PRICES = parsePrices(`
currency: EUR
perMillion: { events: "0.40", actions: "25" }
perGigabyte: { bytesIn: "0.000000001", storedBytes: "1" }
perSecond: { cpuSeconds: "0.00001" }
`);

describe('prices', () => {
  for (const [figures, cost] of [
    [{}, '0.00'],
    [{ events: 1 }, '0.0000004'],
    [{ events: 3_000_000 }, '1.20'],
    [{ events: 1, actions: 1 }, '0.0000254'],
    [{ bytesIn: 1 }, '0.000000000000000001'],
    [{ storedBytes: 1_500_000_000 }, '1.50'],
    [{ cpuMicros: 1 }, '0.00000000001'],
    [{ cpuMicros: 3_600_000_000, decisions: 5 }, '0.036'],
    [{ events: Number.MAX_SAFE_INTEGER }, '3602879701.8963964'],
  ] as const)
    it(`${JSON.stringify(figures)} costs ${cost}, exactly`, () => {
      assert.equal(writeCost(costOf(PRICES, figures)), cost);
    });

  it('the cost of a sum is the sum of the costs', () => {
    const parts = Array.from({ length: 1_000 }, (_, n) => ({ events: n * 7 + 1, cpuMicros: n * 13 + 3 }));
    const events = parts.reduce((sum, part) => sum + part.events, 0);
    const cpuMicros = parts.reduce((sum, part) => sum + part.cpuMicros, 0);
    const sum = parts.reduce((cost, part) => cost + costOf(PRICES, part), 0n);
    assert.equal(sum, costOf(PRICES, { events, cpuMicros }));
    assert.equal(writeCost(wholeCost(100)), '100.00');
  });

  for (const [what, text, problem] of [
    ['no currency', 'perMillion: {}', /currency must be/],
    ['a unit that is not known', 'currency: EUR\nperHour: {}', /perHour is not known/],
    ['a figure of another unit', 'currency: EUR\nperMillion: { bytesIn: "1" }', /perMillion.bytesIn/],
    ['a number that is no text', 'currency: EUR\nperMillion: { events: 0.1 }', /in quotes/],
    ['a price below 0', 'currency: EUR\nperMillion: { events: "-1" }', /in quotes/],
    ['a price with too many digits', 'currency: EUR\nperMillion: { events: "0.0000000001" }', /9 digits/],
    ['no YAML', 'currency: "', /not YAML/],
    ['no object', '[]', /must hold names/],
  ] as const)
    it(`refuses ${what}`, () => {
      assert.throws(() => parsePrices(text), { code: 'CONFIG_INVALID', message: problem });
    });
});
