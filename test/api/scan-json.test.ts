import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isGivenBack, scanJson } from '../../src/api/scan-json.js';

const scan = (json: string, items = false) =>
  scanJson(Buffer.from(json), items).map(({ members, lossyNumber }) => ({ members, lossyNumber }));
const lossy = (json: string): string | undefined => scan(json)[0]?.lossyNumber;

describe('what JSON.parse loses', () => {
  for (const token of [
    '0',
    '-1',
    '1.0',
    '1.50',
    '0.1',
    '1E-7',
    '1e-7',
    '1e+2',
    '100e-2',
    '0.000001',
    '1e21',
    '1e300',
    '5e-324',
    '123456789012345',
    '0.1234567890123456',
    '3.141592653589793',
    '0.30000000000000004',
    '-73.98765432109876',
    '9007199254740991',
    '1.7976931348623157e308',
    '0e5',
    '0.0',
    '-0.5',
    '-0.05e-3',
    '1000000000000000000000',
    '0.00000000000000000001',
    '100000000000000000000000',
  ])
    it(`is nothing of ${token}`, () => assert.equal(lossy(`[${token}]`), undefined));

  for (const token of [
    '12345678901234567890',
    '123456789012345678901234',
    '999999999999999999999',
    '1000000000000000000001',
    '123456789012345678e-2',
    '123456789012.345678',
    '1884518522.1684267241',
    '4503599627370497.123',
    '100.00000000000000001',
    '0.12345678901234567890',
    '1e-400',
    '-1e-400',
    '-0',
    '-0.0',
    '-0e3',
    '2e-324',
    '1000000000000000000000000000001',
    '0.1000000000000000055511151231257827',
    '9007199254740993.0',
  ])
    it(`is digits of ${token}`, () => assert.equal(lossy(`{"a":[1,${token}]}`), token.slice(0, 40)));

  it('is looked for in numbers, not in texts', () => {
    for (const text of ['12345678901234567890', 'a: 12345678901234567890, ', '\\"-0\\",', '\\\\', '1e-400'])
      assert.deepEqual(scan(`{"a":"${text}","b":1}`), [{ members: 2, lossyNumber: undefined }]);
  });

  it('is members of one name: all are counted, of each item', () => {
    assert.deepEqual(scan('{"a":{"b":1,"b":2},"c":"x:y","d":[{"a\\":":1}]}')[0]?.members, 6);
    assert.deepEqual(
      scan('[{"a":1},{"a":{"b":[1,2]},"c":1}, [{"x":1},2], 3]', true).map(({ members }) => members),
      [1, 3, 1, 0],
    );
    assert.deepEqual(
      scan('[1e-400,"x",-0]', true).map(({ lossyNumber }) => lossyNumber),
      ['1e-400', undefined, '-0'],
    );
  });

  it('tells how deep it is nested, and how much is in it, of each item', () => {
    const found = scanJson(Buffer.from('[{"a":[[1]]}, 2, [1,2,{"b,[":"}"}]]'), true);
    assert.deepEqual(
      found.map(({ depth, values }) => [depth, values]),
      [
        [4, 5],
        [0, 1],
        [3, 4],
      ],
    );
  });

  it('is nothing of what JSON.stringify writes, whatever it is', () => {
    const membersOf = (value: unknown): number =>
      typeof value !== 'object' || value === null
        ? 0
        : Object.values(value).reduce<number>(
            (sum, each) => sum + membersOf(each),
            Array.isArray(value) ? 0 : Object.keys(value).length,
          );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const json = JSON.stringify(value);
        assert.deepEqual(scan(json), [{ members: membersOf(JSON.parse(json)), lossyNumber: undefined }]);
      }),
      { numRuns: 500 },
    );
  });

  it('is found of every decimal that a float is not: those that pass are the same number again', () => {
    const decimal = fc
      .tuple(fc.bigInt(0n, 10n ** 22n), fc.integer({ min: 0, max: 24 }), fc.integer({ min: -330, max: 310 }))
      .map(([digits, places, exponent]) => {
        const padded = digits.toString().padStart(places + 1, '0');
        const whole = padded.slice(0, padded.length - places);
        return `${whole}${places === 0 ? '' : `.${padded.slice(-places)}`}${exponent % 3 === 0 ? `e${exponent}` : ''}`;
      });
    fc.assert(
      fc.property(decimal, (token) => {
        if (!Number.isFinite(Number(token))) return;
        const [same, other] = [token, JSON.stringify(Number(token))].map(exactly);
        assert.equal(isGivenBack(token), same === other, token);
        assert.equal(lossy(token) === undefined, same === other, token);
      }),
      { numRuns: 5_000 },
    );
  });

  it('costs no more than its length, however a number is written', () => {
    const began = performance.now();
    for (const digits of ['1', '10', '01'].map((each) => each.repeat(1_000_000).replace(/^0/, '')))
      lossy(`[${digits}.${digits}e-9]`);
    assert.ok(performance.now() - began < 2_000);
  });
});

/** A decimal as a whole number over a power of ten that all have in common. */
function exactly(token: string): bigint {
  const [mantissa = '', exponent = '0'] = token.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return BigInt(whole + fraction) * 10n ** BigInt(400 + Number(exponent) - fraction.length);
}
