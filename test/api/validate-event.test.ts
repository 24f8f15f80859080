import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isRejection, validateEvent } from '../../src/api/validate-event.js';
import type { Rejection, RejectionCode } from '../../src/api/rejection.js';
import type { EventRow, InputStream } from '../../src/events/event.js';
import { scanJson } from '../../src/api/scan-json.js';
import { cloudEvent } from '../support/api.js';

const RECEIVED_AT = '2026-03-01T12:00:00.000Z';
const RECEIVED = { ms: Date.parse(RECEIVED_AT), iso: RECEIVED_AT };

function check(value: unknown, stream: 'events' | 'user-properties' = 'events'): EventRow | Rejection {
  return validateEvent(value, stream, RECEIVED);
}

function accepted(value: unknown): EventRow {
  const result = check(value);
  assert.ok(!isRejection(result), JSON.stringify(result));
  return result;
}

function rejected(value: unknown, code: RejectionCode, reason: RegExp): void {
  const result = check(value);
  assert.ok(isRejection(result), 'it is taken');
  assert.equal(result.code, code);
  assert.match(result.reason, reason);
}

/** An event as it is once its JSON has been read. */
function parsed(json: string): unknown {
  return JSON.parse(`{"specversion":"1.0","id":"x","source":"/s","type":"t",${json}}`);
}

describe('the canonical form of an event', () => {
  it('has the attributes, extensions apart, and the time of receipt where there is none', () => {
    const extensions = {
      traceparent: '00-1',
      retries: 3,
      least: -2_147_483_648,
      most: 2_147_483_647,
      dry: false,
      constructor: 'c',
      tojson: 'j',
    };
    const row = accepted(cloudEvent('a', { priority: 1, stage: 'gold', data: null, ...extensions }));
    assert.deepEqual(
      { ...(JSON.parse(JSON.stringify(row)) as EventRow), subject: row.subject },
      {
        specversion: '1.0',
        id: 'a',
        source: '/test',
        type: 'thing.happened',
        time: '2026-03-01T12:00:00.000Z',
        subject: 's1',
        priority: '1',
        stage: 'gold',
        extensions,
        data: null,
        received_at: '2026-03-01T12:00:00.000Z',
      },
    );
  });

  for (const time of [
    '1970-01-01T00:00:00Z',
    '2024-02-29T23:59:59.999999999Z',
    '2026-03-02T12:00:00Z',
    '2013-01-01T00:00:00-00:00',
    '2013-01-01T00:00:00+14:00',
    '2013-01-01T00:00:00.1-12:30',
  ]) {
    it(`keeps the time ${time} as it was written`, () => {
      assert.equal(accepted(cloudEvent('a', { time })).time, time);
    });
  }

  for (const [written, time] of [
    ['2013-01-01t00:00:00Z', '2013-01-01T00:00:00Z'],
    ['2013-01-01T00:00:00.5z', '2013-01-01T00:00:00.5Z'],
    ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59Z'],
    ['2016-12-31t18:59:60.25-05:00', '2016-12-31T18:59:59.25-05:00'],
    ['2013-01-01T00:00:00.1234567890Z', '2013-01-01T00:00:00.123456789Z'],
    ['2013-01-01T00:00:00.00000000000000000001+01:00', '2013-01-01T00:00:00.000000000+01:00'],
  ] as const) {
    it(`reads the time ${written} as ${time}`, () => {
      assert.equal(accepted(cloudEvent('a', { time: written })).time, time);
    });
  }

  it('has no attribute that is null, but data', () => {
    const unset = { subject: null, time: null, dataschema: null, datacontenttype: null, data_base64: null };
    const more = { myext: null, priority: null, stage: null, data: null };
    const row = accepted(cloudEvent('a', { ...unset, ...more }));
    assert.deepEqual(JSON.parse(JSON.stringify(row)), {
      specversion: '1.0',
      id: 'a',
      source: '/test',
      type: 'thing.happened',
      time: RECEIVED_AT,
      received_at: RECEIVED_AT,
      data: null,
    });
    for (const name of ['id', 'source', 'type', 'specversion'])
      rejected(cloudEvent('a', { [name]: null }), 'invalid_attribute', new RegExp(`${name}`));
    rejected({ ...cloudEvent('a'), constructor: { a: null } }, 'invalid_attribute', /constructor/);
  });

  it('has JSON as its data that came in base64', () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const json = { datacontenttype: 'application/json; charset=utf-8' };
    const sent = (text: string, more: object = json) =>
      cloudEvent('a', { data: undefined, data_base64: base64(text), ...more });
    const row = accepted(sent('{"n":1.5,"__proto__":{}}'));
    assert.deepEqual([JSON.stringify(row.data), row.data_base64], ['{"n":1.5,"__proto__":{}}', undefined]);
    assert.deepEqual(accepted(sent('[1]', { datacontenttype: 'application/ld+json' })).data, [1]);
    for (const [text, more] of [
      ['<a/>', { datacontenttype: 'application/xml' }],
      ['1', { datacontenttype: undefined }],
      ['not JSON', json],
    ] as const) {
      const kept = accepted(sent(text, more));
      assert.deepEqual([kept.data, kept.data_base64], [undefined, base64(text)]);
    }
    const spaced = accepted(sent(`{"n":${' '.repeat(300_000)}1}`));
    assert.deepEqual(spaced.data, { n: 1 });
    // The length comes first: the whole of it would be looked at otherwise, many times this.
    rejected(sent('['.repeat(400_000)), 'too_large', /may have 262144 bytes.*data_base64 .* has 533336/);
    rejected(sent('{"a":1e-400}'), 'invalid_data', /1e-400 would lose digits/);
    const text = JSON.stringify(sent('{"a":1,"a":2}'));
    const doubled = validateEvent(JSON.parse(text), 'events', RECEIVED, scanJson(Buffer.from(text))[0]);
    assert.match((doubled as Rejection).reason, /a key twice/);
  });

  const badTimes: [time: unknown, code: RejectionCode][] = [
    ['1600-01-01T00:00:00Z', 'time_out_of_range'],
    ['0000-01-01T00:00:00Z', 'time_out_of_range'],
    ['1969-12-31T23:59:59.999Z', 'time_out_of_range'],
    ['1970-01-01T00:00:00+00:01', 'time_out_of_range'],
    ['3000-01-01T00:00:00Z', 'time_out_of_range'],
    ['2026-03-02T12:00:01Z', 'time_out_of_range'],
    ...[
      '2013-02-30T00:00:00Z',
      '2013-02-29T00:00:00Z',
      '2013-04-31T00:00:00Z',
      '2013-13-01T00:00:00Z',
      '2013-00-01T00:00:00Z',
      '2013-01-00T00:00:00Z',
      '2013-01-01T24:00:00Z',
      '2013-01-01T00:60:00Z',
      '2013-01-01T00:00:60Z',
      '2016-12-30T23:59:60Z',
      '2016-12-31T23:59:61Z',
      '2013-01-01 00:00:00Z',
      '2013-01-01T00:00:00',
      '2013-01-01T00:00Z',
      '2013-01-01',
      '2013-01-01T00:00:00+23:00',
      '2013-01-01T00:00:00+1400',
      '2013-01-01T00:00:00+14:60',
      `2013-01-01T00:00:00.${'1'.repeat(128)}Z`,
      '2013-01-01T00:00:00,5Z',
      '+002013-01-01T00:00:00Z',
      '２013-01-01T00:00:00Z',
      '2013-01-01T00:00:00Z\n',
      '',
      1_356_998_400,
      {},
    ].map((time): [unknown, RejectionCode] => [time, 'invalid_attribute']),
  ];
  for (const [time, code] of badTimes) {
    it(`refuses the time ${JSON.stringify(time)}`, () => rejected(cloudEvent('a', { time }), code, /time/));
  }

  for (const id of [
    '../../../../etc/passwd',
    '..',
    '/',
    'a/b',
    '%2e%2e',
    'ü☃𝄞',
    ' ',
    '__proto__',
    'a'.repeat(512),
  ]) {
    it(`takes the id ${JSON.stringify(id.slice(0, 30))} as it is`, () => {
      assert.equal(accepted(cloudEvent(id)).id, id);
    });
  }

  const LONG = 'a'.repeat(3_000);
  const badAttributes: [attributes: Record<string, unknown>, reason: RegExp][] = [
    [{ id: 'a\0b' }, /id has control characters/],
    [{ id: 'a\nb' }, /id has control characters/],
    [{ id: '\u007f' }, /id has control characters/],
    [{ id: '\u0085' }, /id has control characters/],
    [{ id: '' }, /id must NOT have fewer than 1/],
    [{ id: 7 }, /id must be string/],
    [{ id: null }, /id is missing/],
    [{ id: undefined }, /id is missing/],
    [{ id: LONG }, /id must NOT have more than 512/],
    [{ id: 'é'.repeat(513) }, /id/],
    [{ source: undefined }, /source is missing/],
    [{ source: '' }, /source/],
    [{ type: undefined }, /type is missing/],
    [{ type: LONG }, /type/],
    [{ specversion: undefined }, /specversion is missing/],
    [{ specversion: '0.3' }, /specversion must be "1.0"/],
    [{ specversion: 1 }, /specversion must be "1.0"/],
    [{ subject: '' }, /subject must NOT have fewer than 1/],
    [{ subject: LONG }, /subject/],
    [{ subject: ['s'] }, /subject/],
    [{ subject: '𝄞'.repeat(257) }, /subject must NOT have more than 512 UTF-16/],
    [{ dataschema: 'a\tb' }, /dataschema/],
    [{ priority: 1.5 }, /priority/],
    [{ priority: {} }, /priority/],
    [{ stage: 'a\u0000' }, /stage/],
    [{ Subject: 's' }, /"Subject" must be lower-case/],
    [{ partition_key: 's' }, /"partition_key" must be lower-case/],
    [{ 'a-b': 's' }, /"a-b" must be/],
    [{ '': 's' }, /"" must be/],
    [{ toJSON: 's' }, /"toJSON" must be/],
    [{ ['__proto__']: 's' }, /"__proto__" must be/],
    [{ ['a'.repeat(65)]: 's' }, /must be lower-case/],
    [{ extension: { nested: true } }, /the extension attribute extension must be/],
    [{ extension: [1] }, /the extension attribute extension must be/],
    [{ extension: 1.5 }, /a string, a boolean or a whole number of 32 bits/],
    [{ extension: 2_147_483_648 }, /a whole number of 32 bits/],
    [{ extension: -2_147_483_649 }, /a whole number of 32 bits/],
    [{ priority: 2_147_483_648 }, /priority must be <= 2147483647/],
    [{ stage: 1.5 }, /stage must be/],
    [{ data_base64: 'not base64' }, /data_base64 is not base64/],
    [{ data_base64: 'AAA' }, /data_base64 is not base64/],
    [{ data_base64: 7 }, /data_base64/],
  ];
  for (const [attributes, reason] of badAttributes) {
    it(`refuses ${JSON.stringify(attributes).slice(0, 60)}`, () => {
      rejected({ ...cloudEvent('a'), ...attributes }, 'invalid_attribute', reason);
    });
  }

  for (const value of [null, true, 1, 'text', [], [[]], '[]']) {
    it(`refuses ${JSON.stringify(value)} in place of an event`, () => {
      rejected(value, 'invalid_attribute', /an event must be a JSON object/);
    });
  }

  it('has no name that objects inherit for an attribute it lacks', () => {
    for (const json of ['{"__proto__":{"id":"x"}}', '{"constructor":{"name":"x"}}']) {
      rejected(JSON.parse(json), 'invalid_attribute', /missing|must be/);
    }
  });
});

describe('the data of an event', () => {
  const kept: [name: string, json: string][] = [
    [
      'keys that objects inherit',
      '"data":{"__proto__":{"a":1},"constructor":[],"toJSON":"x","hasOwnProperty":1}',
    ],
    ['numbers of 53 bits', '"data":[9007199254740991,-9007199254740991,0.1,1e300,5e-324]'],
    ['odd texts', '"data":["\\u0000","\\ud834\\udd1e","\\u2028\\ufeff","</script>"]'],
    ['empty things', '"data":[{},[],"",null,false,0]'],
    ['a bare value', '"data":"text"'],
    ['null', '"data":null'],
    ['base64', '"data_base64":"AP+A"'],
    ['empty base64', '"data_base64":""'],
    ['64 levels', `"data":${'['.repeat(64)}${']'.repeat(64)}`],
    ['an object of 10,000 keys', `"data":${bigObject(10_000)}`],
    ['an array of 10,000 items', `"data":${JSON.stringify(Array.from({ length: 10_000 }, () => 1))}`],
  ];
  for (const [name, json] of kept) {
    it(`is kept as it is: ${name}`, () => {
      const event = parsed(json) as EventRow;
      const row = JSON.parse(JSON.stringify(accepted(event))) as EventRow;
      assert.deepEqual([row.data, row.data_base64], [event.data, event.data_base64]);
    });
  }

  const refused: [name: string, json: string, reason: RegExp][] = [
    ['half a surrogate pair', '"data":{"a":"\\ud834"}', /half of a surrogate pair/],
    ['half a surrogate pair in a key', '"data":{"\\udd1e":1}', /half of a surrogate pair/],
    ['half a surrogate pair in a subject', '"subject":"\\ud834"', /half of a surrogate pair/],
    ['half a surrogate pair in an extension', '"extension":"\\ud834"', /half of a surrogate pair/],
    ['2^53', '"data":9007199254740992', /beyond 2\^53/],
    ['a number whose digits would be lost', '"data":[{"a":12345678901234567890}]', /beyond 2\^53/],
    ['-2^53', '"data":-9007199254740992', /beyond 2\^53/],
    ['1e400', '"data":1e400', /too large for a 64-bit float/],
    ['-1e400', '"data":[-1e400]', /too large for a 64-bit float/],
    ['1e400 in an extension', '"extension":1e400', /too large for a 64-bit float/],
    ['100,000 levels', `"data":${'['.repeat(100_000)}${']'.repeat(100_000)}`, /64 levels deep/],
    [
      '100,000 levels in an extension',
      `"extension":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
      /64 levels deep/,
    ],
    ['65 levels', `"data":${'['.repeat(65)}${']'.repeat(65)}`, /64 levels deep/],
    ['an object of 10,001 keys', `"data":${bigObject(10_001)}`, /more than 10000 keys/],
    ['data and data_base64', '"data":1,"data_base64":"AAAA"', /not both/],
    ['null and data_base64', '"data":null,"data_base64":"AAAA"', /not both/],
  ];
  for (const [name, json, reason] of refused) {
    it(`is refused: ${name}`, () => rejected(parsed(json), 'invalid_data', reason));
  }

  it('must be an object, with a subject, for user properties', () => {
    for (const data of [undefined, null, 1, 'x', []]) {
      const result = check(cloudEvent('a', { data }), 'user-properties');
      assert.ok(isRejection(result) && result.code === 'invalid_data', JSON.stringify(data));
    }
    const nameless = check(cloudEvent('a', { subject: undefined, data: {} }), 'user-properties');
    assert.ok(isRejection(nameless) && /subject is missing/.test(nameless.reason));
    assert.ok(!isRejection(check(cloudEvent('a', { data: {} }), 'user-properties')));
  });

  it('names a subject to merge in user properties alone, and another than its own', () => {
    const merging = (mergesubject: unknown, stream: InputStream = 'user-properties') =>
      check(cloudEvent('a', { subject: 'user', data: {}, mergesubject }), stream);
    const row = merging('anonymous');
    assert.ok(!isRejection(row));
    assert.deepEqual(row.extensions, { mergesubject: 'anonymous' });
    assert.ok(!isRejection(merging(null)), 'null is unset');
    assert.ok(!isRejection(merging('x'.repeat(512))));
    for (const [value, reason] of [
      ['user', /the subject itself/],
      ['', /empty/],
      ['a\nb', /control characters/],
      [7, /must be a string/],
      [true, /must be a string/],
      ['x'.repeat(513), /512 UTF-16/],
    ] as const) {
      const refused = merging(value);
      assert.ok(isRejection(refused), JSON.stringify(value));
      assert.equal(refused.code, 'invalid_attribute');
      assert.match(refused.reason, reason);
    }
    const elsewhere = merging('anonymous', 'events');
    assert.ok(isRejection(elsewhere) && elsewhere.code === 'invalid_attribute');
    assert.match(elsewhere.reason, /belongs to user properties/);
  });

  it('is the same after a row has been written and read, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), (data) => {
        const event = JSON.parse(JSON.stringify(cloudEvent('a', { data }))) as EventRow;
        const result = check(event);
        if (isRejection(result)) return assert.match(result.reason, /surrogate|2\^53/);
        assert.deepEqual((JSON.parse(JSON.stringify(result)) as EventRow).data, event.data);
      }),
      { numRuns: 500 },
    );
  });
});

function bigObject(keys: number): string {
  return JSON.stringify(Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, n])));
}
