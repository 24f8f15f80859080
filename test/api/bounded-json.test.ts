import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseBounded } from '../../src/api/bounded-json.js';
import { MAX_EVENTS, parseBody } from '../../src/api/parse-body.js';
import { splitArray } from '../../src/api/split-json.js';

const JSON_TYPE = { headers: { 'content-type': 'application/json' }, rawHeaders: [] };

/** Counts what goes through `JSON.parse`, in characters. */
function parsedWhile(work: () => unknown): number {
  const { parse } = JSON;
  let chars = 0;
  JSON.parse = (text: string): unknown => {
    chars += text.length;
    return parse(text);
  };
  try {
    work();
  } finally {
    JSON.parse = parse;
  }
  return chars;
}

describe('a large body', () => {
  const event = (n: number) => ({ specversion: '1.0', id: `e${n}`, source: '/s', type: 't', data: { n } });
  const large = (count: number) =>
    JSON.stringify(
      Array.from({ length: count }, (_, n) => event(n)),
      null,
      16,
    );

  it('is parsed event by event, each when its turn comes', () => {
    const body = Buffer.from(large(1_000));
    let candidates: ReturnType<typeof parseBody> | undefined;
    const atOnce = parsedWhile(() => (candidates = parseBody(JSON_TYPE, body)));
    assert.equal(atOnce, 0);
    assert.equal(candidates?.length, 1_000);
    const one = parsedWhile(() => {
      const candidate = candidates?.at(999);
      assert.ok(candidate !== undefined && 'value' in candidate);
      assert.deepEqual(candidate.value, event(999));
      assert.equal(candidate.written.members, 6);
    });
    assert.ok(one < 500, `${one} characters`);
  });

  it('is refused with the place of what is no JSON', () => {
    const body = large(1_000).replace('"e500"', 'e500');
    const candidates = parseBody(JSON_TYPE, Buffer.from(body));
    assert.throws(() => candidates.at(500), {
      code: 'BODY_MALFORMED',
      message: /^The body is not valid JSON: event 500, counted from 0: .*Nothing of it was taken\.$/s,
    });
  });

  for (const [what, change] of [
    ['is cut off', (text: string) => text.slice(0, -5)],
    ['goes on after its end', (text: string) => `${text} {}`],
    ['ends with another bracket', (text: string) => `${text.slice(0, -1)}}`],
  ] as const)
    it(`is refused when it ${what}`, () => {
      const body = Buffer.from(change(large(1_000)));
      assert.throws(() => parseBody(JSON_TYPE, body), { code: 'BODY_MALFORMED' });
    });

  it('is refused when an event is missing between commas', () => {
    const candidates = parseBody(JSON_TYPE, Buffer.from(`[1,${' '.repeat(200_000)},2]`));
    assert.throws(() => candidates.at(1), { code: 'BODY_MALFORMED' });
  });

  it('is not looked through further than the most events', () => {
    const body = Buffer.from(`[${'1,'.repeat(500_000)}1]`);
    assert.throws(() => parseBody(JSON_TYPE, body), {
      code: 'BODY_TOO_LARGE',
      message: `A request may have ${MAX_EVENTS} events; send fewer at a time.`,
    });
  });

  it('is taken behind a byte order mark', () => {
    const body = Buffer.from(`\uFEFF ${large(1_000)}\n`);
    assert.equal(parseBody(JSON_TYPE, body).length, 1_000);
  });
});

describe('JSON that holds more than an event may', () => {
  for (const [what, json, excess] of [
    ['two million brackets', '['.repeat(2_000_000) + ']'.repeat(2_000_000), /levels deep/],
    ['a million objects', `[${'{},'.repeat(1_000_000)}{}]`, /keys and items/],
    ['objects deep within lists', `[${`${'['.repeat(60)}${']'.repeat(60)},`.repeat(20_000)}1]`, /keys and/],
  ] as const)
    it(`is not parsed: ${what}`, () => {
      const chars = parsedWhile(() => {
        const parsed = parseBounded(Buffer.from(json));
        assert.match('excess' in parsed ? parsed.excess : 'none', excess);
      });
      assert.equal(chars, 0);
    });

  it('is parsed up to what an event may have', () => {
    const deep = `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`;
    const wide = `{"data":[${'1,'.repeat(9_999)}1],"x":[${'1,'.repeat(9_999)}1]}`;
    for (const json of [deep, wide]) assert.ok('value' in parseBounded(Buffer.from(json)));
  });
});

describe('an array taken apart', () => {
  it('is made of the items that JSON.parse finds', () => {
    fc.assert(
      fc.property(fc.array(fc.json()), fc.constantFrom('', ' ', '\n\t '), (items, space) => {
        const text = `${space}[${items.map((item) => `${space}${item}${space}`).join(',')}${space}]${space}`;
        const split = splitArray(Buffer.from(text), items.length);
        assert.deepEqual(
          split?.map((item) => JSON.parse(item.toString('utf8')) as unknown),
          JSON.parse(text),
        );
      }),
    );
  });

  it('is none where JSON.parse finds none, or an item is no JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'[]{},:"\\1a ') }), (inner) => {
        const text = `[${inner}]`;
        const whole = parses(text);
        const split = splitArray(Buffer.from(text), 1_000);
        assert.equal(split?.every((item) => parses(item.toString('utf8'))) ?? false, whole, text);
      }),
      { numRuns: 2_000 },
    );
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
