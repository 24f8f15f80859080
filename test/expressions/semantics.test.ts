import assert from 'node:assert/strict';
import { Budget } from '../../src/expressions/budget.js';
import { compileExpression } from '../../src/expressions/compile.js';
import { Fault } from '../../src/expressions/fault.js';
import { canonical } from './conformance-case.js';

/** What an expression gives on an event with this data, in a form that shows its type. */
function given(source: string, data: unknown = {}, profile: object = {}): unknown {
  const { expression, problem } = compileExpression(source, 'rule');
  if (problem !== undefined) return `refused at ${problem.offset}: ${problem.message}`;
  const event = { id: '1', type: 'a', time: '2026-11-28T10:00:00.123456+00:00', data };
  const value = expression.run({ event, profile, aggregates: {} }, new Budget());
  return value instanceof Fault ? value.reason : canonical(value);
}

type Case = readonly [source: string, data: unknown, wanted: unknown];

/** Each kind of case with what it gives; JSON's numbers are doubles. */
const KINDS: Readonly<Record<string, readonly Case[]>> = {
  'numbers of all types': [
    ['event.data.n + 1', { n: 2 }, 'double 3'],
    ['7 % event.data.n + size([1]) * 1.5', { n: 4 }, 'double 4.5'],
    ['event.data.n in [3u]', { n: 3 }, true],
    ['3u in event.data.l', { l: [1, 3] }, true],
    ['3 in event.data.l', { l: [1, 3] }, true],
    ['event.data.n == 3 && event.data.n == 3u && event.data.n != 3.5', { n: 3 }, true],
    ['1 in event.data.m', { m: { 1: 2 } }, false],
    ['"1" in event.data.m', { m: { 1: 2 } }, true],
    ['event.data.l[event.data.i]', { l: [5, 6], i: 1 }, 'double 6'],
    ['event.data.n / 0 > 1000', { n: 1 }, 'error: divide by zero'],
    ['event.data.n / 0.0 > 1000', { n: 1 }, true],
    ['event.data.n % 0 == 1', { n: 1 }, 'error: modulus by zero'],
    ['9223372036854775807 + 1', {}, 'error: integer overflow'],
    ['-9223372036854775808', {}, 'int -9223372036854775808'],
    ['9223372036854775808', {}, 'refused at 0: the number is beyond an int: 9223372036854775808'],
    ['0u - 1u', {}, 'error: unsigned integer overflow'],
    ['1 / 0 > 0 || true', {}, true],
    ['1u + 1', {}, 'refused at 0: no such overload: uint + int'],
    ['math.greatest(event.data.l)', { l: [1, 9, 3] }, 'double 9'],
    ['math.round(-2.5)', {}, 'double -3'],
  ],
  conversions: [
    ['int(event.data.s)', { s: '' }, 'error: int() needs a whole number, not ""'],
    ['int(event.data.s)', { s: '0b11' }, 'error: int() needs a whole number, not "0b11"'],
    ['int(event.data.s)', { s: '0o17' }, 'error: int() needs a whole number, not "0o17"'],
    ['int(event.data.s)', { s: ' 7' }, 'error: int() needs a whole number, not " 7"'],
    ['int(event.data.s)', { s: '-0042' }, 'int -42'],
    ['double(event.data.s)', { s: '0x1F' }, 'error: double() needs a number, not "0x1F"'],
    ['double(event.data.s)', { s: '1e400' }, 'error: double() needs a number, not "1e400"'],
    ['uint(event.data.s)', { s: '+5' }, 'error: uint() needs a whole number, not "+5"'],
    ['int(event.data.n)', { n: 1e300 }, 'error: integer overflow'],
    ['int(event.data.n)', { n: -3.99 }, 'int -3'],
    ['int(7u) + int(timestamp("1970-01-01T00:01:00Z"))', {}, 'int 67'],
    ['string(event.data.n)', { n: 1e21 }, 'string 1000000000000000000000'],
    ['string(event.data.n)', { n: 1.5e-7 }, 'string 0.00000015'],
    ['string(timestamp("2026-01-02T03:04:05.678+02:00"))', {}, 'string 2026-01-02T01:04:05.678Z'],
    ['string(duration("-1m0.5s"))', {}, 'string -60.5s'],
    ['bool("yes")', {}, 'error: bool() needs true or false, not "yes"'],
    ['type(event.data.n) == double && type(1) == int', { n: 1 }, true],
    ['type(timestamp(event.time)) == google.protobuf.Timestamp', {}, true],
    ['string(bytes(event.data.s)) == event.data.s', { s: 'é👍' }, true],
  ],
  times: [
    ['timestamp(event.time) > timestamp("2020-01-01T00:00:00Z")', {}, true],
    ['timestamp(event.data.t).getMilliseconds()', { t: '2026-01-01t00:00:00.9876543z' }, 'int 987'],
    ['timestamp("2026-01-01T00:00:00.0004Z") < timestamp("2026-01-01T00:00:00.0005Z")', {}, true],
    ['timestamp("2026-01-01T00:00:00.000000001Z")', {}, 'timestamp 2026-01-01T00:00:00.000000001Z'],
    ['timestamp(event.data.t).getDate()', { t: '2024-02-29T23:30:00-01:00' }, 'int 1'],
    ...['2026-02-30T10:00:00Z', 'March 1, 2026 10:00:00', '2026-01-01T24:00:00Z', '2026-01-01 10:00:00Z'].map(
      (t): Case => ['timestamp(event.data.t)', { t }, `error: timestamp() needs RFC 3339, not "${t}"`],
    ),
    [
      'timestamp("2026-02-30T10:00:00Z")',
      {},
      'refused at 10: timestamp() needs RFC 3339, not "2026-02-30T10:00:00Z"',
    ],
    [
      'timestamp(event.data.t) == timestamp(0)',
      { t: '1970-01-01T00:00:00+0100' },
      'error: timestamp() needs RFC 3339, not "1970-01-01T00:00:00+0100"',
    ],
    ['timestamp("9999-12-31T23:59:59Z") + duration("1s")', {}, 'error: timestamp out of range'],
    [
      'timestamp(event.data.t).getHours("Nowhere/Here")',
      { t: '2026-01-01T00:00:00Z' },
      'error: no such time zone: "Nowhere/Here"',
    ],
  ],
  durations: [
    [
      'timestamp("2026-01-01T10:00:00Z") - timestamp("2026-01-01T10:00:00.500Z") + duration("2s")',
      {},
      'duration 1.5s',
    ],
    ['duration("-0.5s") + duration("1s") > duration("0s")', {}, true],
    ['duration("-1.5s") - duration("0.7s")', {}, 'duration -2.2s'],
    ['duration("123.321s").getMilliseconds()', {}, 'int 321'],
    ['duration("-90m").getHours()', {}, 'int -1'],
    ['duration("1h1.5m") == duration("3690s") && duration("1us") == duration("1µs")', {}, true],
    ['duration(event.data.d)', { d: '320000000000s' }, 'error: duration out of range'],
    [
      'duration(event.data.d)',
      { d: '1 h' },
      'error: duration() needs numbers with units such as 1h30m, not "1 h"',
    ],
  ],
  texts: [
    ['event.data.s.substring(0, size(event.data.s)) == event.data.s', { s: '👍x' }, true],
    ['event.data.s.substring(1)', { s: '👍b' }, 'string b'],
    ['event.data.s.indexOf("b")', { s: 'a👍b' }, 'int 2'],
    ['event.data.s.lastIndexOf("👍")', { s: '👍a👍' }, 'int 2'],
    ['event.data.s.charAt(1)', { s: 'a👍b' }, 'string 👍'],
    ['event.data.s.split("")', { s: 'a👍' }, ['string a', 'string 👍']],
    ['event.data.s.reverse()', { s: 'a👍é' }, 'string é👍a'],
    ['event.data.s.upperAscii()', { s: 'straße' }, 'string STRAßE'],
    ['event.data.s.trim()', { s: '\u0085\u00a0 x\ufeff ' }, 'string x\ufeff'],
    ['event.data.s < "\uffee"', { s: '👍' }, false],
    ['event.data.s.replace("", "-")', { s: 'a👍' }, 'string -a-👍-'],
    ['event.data.s.substring(event.data.n)', { s: 'abc', n: 1 }, 'string bc'],
    ['event.data.s.substring(4)', { s: 'abc' }, 'error: index out of range: 4'],
    ['b"\\xc3\\xa9" == bytes("é")', {}, true],
    ['strings.quote("a\\"b")', {}, 'string "a\\"b"'],
  ],
  'regular expressions': [
    ['event.data.s.matches("(?i)^gold$")', { s: 'GOLD' }, true],
    ['event.data.s.matches("(?i:go)ld")', { s: 'GOld' }, true],
    ['event.data.s.matches("^[[:alpha:]]+$")', { s: 'gold' }, true],
    ['event.data.s.matches("^\\\\p{Greek}\\\\pL$")', { s: 'αβ' }, true],
    ['event.data.s.matches("\\\\Agold\\\\z")', { s: 'gold' }, true],
    ['event.data.s.matches("^\\\\Qa.b\\\\E$")', { s: 'a.b' }, true],
    ['event.data.s.matches("^(?P<first>a).c$")', { s: 'a👍c' }, true],
    ['event.data.s.matches("\\\\x{1F44D}")', { s: '👍' }, true],
    ['event.data.s.matches("^.{2}$")', { s: '👍' }, false],
    ['event.data.s.matches("[")', { s: '' }, 'refused at 21: matches(): missing closing ]: `[`'],
    [
      'event.data.s.matches("(a)\\\\1")',
      { s: '' },
      'refused at 21: matches(): invalid escape sequence: `\\1`',
    ],
    [
      'event.data.s.matches("(?=a)")',
      { s: '' },
      'refused at 21: matches(): invalid or unsupported Perl syntax: `(?=`',
    ],
    ['event.data.s.matches(event.data.p)', { s: 'ab', p: '^a.$' }, true],
    ['event.data.s.matches(event.data.p)', { s: 'ab', p: '(' }, 'error: matches(): missing closing ): `(`'],
    ['event.data.s.matches(event.data.p)', { s: 'é', p: '^\\pL$' }, true],
    [
      'event.data.s.matches(event.data.p)',
      { s: 'ab', p: '\\pL'.repeat(3) },
      'error: matches(): a pattern may have up to 2 Unicode classes such as \\pL',
    ],
    [
      'event.data.s.matches(event.data.p)',
      { s: 'ab', p: 'a'.repeat(129) },
      'error: matches(): a pattern may have up to 128 characters',
    ],
    [
      'event.data.s.matches(event.data.p)',
      { s: 'ab', p: '(?:a{9}){99}' },
      'error: matches(): the pattern repeats too much: its repetitions count as if written out',
    ],
  ],
  'JSON as it comes': [
    ['event.data.car.doors == 4', { car: { doors: 4, constructor: 'VW' } }, true],
    ['event.data.car.constructor', { car: { constructor: 'VW' } }, 'string VW'],
    ['has(event.data.car.toString)', { car: {} }, false],
    ['event.data.a.__proto__.b', JSON.parse('{"a":{"__proto__":{"b":1}}}'), 'double 1'],
    ['has(event.data.a.__proto__)', { a: {} }, false],
    ['event.data.l.length', { l: [] }, 'event.data.l.length is missing'],
    ['event.data.s.length', { s: 'abc' }, 'event.data.s.length is missing'],
    ['event.data.n == null', { n: null }, true],
    ['has(event.data.n)', { n: null }, true],
    ['event.data.m.map(k, k)', { m: { a: 1, b: 2 } }, ['string a', 'string b']],
  ],
  'lists and maps of any types': [
    ['event.data.x in [profile.limit, 3]', { x: 5 }, true],
    ['[1, "a", null, 2.5][1]', {}, 'string a'],
    ['{"a": 1, "b": "c"}.b', {}, 'string c'],
    ['{1: "a", true: "b"}[event.data.n]', { n: 1 }, 'string a'],
    ['{1: 1, 1u: 2}', {}, 'error: the key is there twice: 1'],
    ['[].all(e, e + 1 > 0) && ![].exists(e, e % 2 == 0)', {}, true],
    ['["a", null] == event.data.l', { l: ['a', null] }, true],
    ['{"a": [1, 2]} == event.data.m', { m: { a: [1, 2] } }, true],
    ['[1, 2].exists(i, v, i == 0 && v == 1)', {}, true],
    ['event.data.m.all(k, v, v > 0 && k != "")', { m: { a: 1 } }, true],
    ['event.data.l.map(x, x.p > 1, x.p)', { l: [{ p: 1 }, { p: 2 }] }, ['double 2']],
    ['event.data.l.all(event, event > 0)', { l: [1, 2] }, true],
    ['cel.bind(t, event.data.n * 2, t + t)', { n: 2 }, 'double 8'],
  ],
  optionals: [
    ['event.data.?a.?b.orValue("none")', { a: {} }, 'string none'],
    ['event.data.?a.b.hasValue()', { a: { b: 1 } }, true],
    ['event.data.l[?5].orValue(0)', { l: [] }, 'int 0'],
    ['optional.of(3).optMap(x, x + 1).value()', {}, 'int 4'],
    ['optional.none().value()', {}, 'error: the optional has no value'],
  ],
  'what is missing': [
    [
      'event.data.typo <= 7 && profile.tier == "plus"',
      {},
      'event.data.typo is missing and profile.tier is missing',
    ],
    [
      'event.data.typo + event.data.other > 7',
      {},
      'event.data.typo is missing and event.data.other is missing',
    ],
    [
      'event.data.n > 1 && event.data.typo > 1',
      { n: 'x' },
      'event.data.typo is missing and error: no such overload: string > int',
    ],
    ['event.data.typo > 1 || event.data.n > 1', { n: 2 }, true],
    [
      '[event.data.a, event.data.b].size() > event.data.c',
      {},
      'event.data.a is missing and event.data.b is missing and event.data.c is missing',
    ],
  ],
};

describe('expressions/semantics', () => {
  for (const [kind, cases] of Object.entries(KINDS))
    describe(kind, () => {
      for (const [source, data, wanted] of cases)
        it(`${source} on ${JSON.stringify(data)}`, () => {
          assert.deepEqual(given(source, data, { limit: 5 }), wanted);
        });
    });

  describe('time zones, whatever the zone of the process', () => {
    const zone = process.env.TZ;
    afterEach(() => {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    });

    const cases: readonly (readonly [getter: string, time: string, wanted: number])[] = [
      ['getDayOfYear()', '2026-07-01T12:00:00Z', 181],
      ['getHours("UTC")', '2026-03-08T02:30:00Z', 2],
      ['getHours()', '2026-03-29T02:30:00Z', 2],
      ['getHours("+02:00")', '2026-01-01T10:00:00Z', 12],
      ['getHours("02:00")', '2026-01-01T10:00:00Z', 12],
      ['getMinutes("-03:30")', '2026-01-01T10:00:00Z', 30],
      ['getHours("America/New_York")', '2026-03-08T07:30:00Z', 3],
      ['getHours("America/New_York")', '2026-03-08T06:30:00Z', 1],
      ['getHours("Europe/Berlin")', '2026-10-25T01:30:00Z', 2],
      ['getDate("Asia/Kathmandu")', '2026-01-01T18:15:00Z', 2],
      ['getFullYear("Pacific/Auckland")', '2025-12-31T11:30:00Z', 2026],
      ['getDayOfWeek("Asia/Tokyo")', '2026-11-28T15:00:00Z', 0],
      ['getMonth()', '2026-11-28T15:00:00Z', 10],
      ['getDayOfMonth("Europe/Berlin")', '0001-01-01T00:00:00Z', 0],
    ];
    for (const process_ of ['UTC', 'America/New_York', 'Europe/Berlin'])
      for (const [getter, time, wanted] of cases)
        it(`${time} ${getter} is ${wanted} in ${process_}`, () => {
          process.env.TZ = process_;
          // Or else the process has not changed its zone, and this shows nothing.
          const isUtc = new Date('2026-07-01T00:00:00Z').getTimezoneOffset() === 0;
          assert.equal(isUtc, process_ === 'UTC');
          assert.equal(given(`timestamp(event.data.t).${getter}`, { t: time }), `int ${wanted}`);
        });
  });
});
