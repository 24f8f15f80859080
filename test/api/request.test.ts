import assert from 'node:assert/strict';
import { bodyReader, parseJson, queryReader } from '../../src/api/request.js';
import { choice, closed, integer, list, optional, raw, text } from '../../src/platform/json-schema.js';

const FILTER = closed({
  reason: optional(choice(['loop', 'expired'])),
  type: optional(text({ pattern: '^[a-z]+$' })),
  limit: integer({ minimum: 1, maximum: 200, default: 50 }),
});
const BODY = closed({
  filter: optional(FILTER),
  ids: list(text({ minLength: 1 }), { minItems: 1 }),
  seconds: optional(
    raw<number>({
      type: 'integer',
      anyOf: [{ const: 0 }, { minimum: 10 }],
      description: '0, or 10 and more',
    }),
  ),
});

describe('a query', () => {
  const read = queryReader(FILTER);

  it('is text, of which numbers are made, and gets its defaults', () => {
    assert.deepEqual(read({ limit: '7', reason: 'loop' }), { limit: 7, reason: 'loop' });
    assert.deepEqual(read({}), { limit: 50 });
  });

  for (const [query, says] of [
    [{ limit: '0' }, 'limit must be >= 1'],
    [{ limit: 'x' }, 'limit must be integer'],
    [{ limit: ['1', '2'] }, 'limit must be integer'],
    [{ reason: 'none' }, 'reason must be equal to one of the allowed values: loop, expired'],
    [{ type: 'A' }, 'type must match pattern "^[a-z]+$"'],
    [{ tenant: 'UA' }, '"tenant" is not known here'],
  ] as const) {
    it(`is refused: ${says}`, () => {
      assert.throws(() => read(query as unknown as Record<string, string>), {
        code: 'PARAMETER_INVALID',
        message: `The query is not as it should be: ${says}.`,
      });
    });
  }
});

describe('a body', () => {
  const read = (body: string) => bodyReader(BODY)(Buffer.from(body));

  it('is read as its schema says, with defaults all the way down', () => {
    assert.deepEqual(read('{"ids":["a"],"filter":{}}'), { ids: ['a'], filter: { limit: 50 } });
  });

  it('that is empty is {}', () => {
    assert.deepEqual(bodyReader(FILTER)(Buffer.alloc(0)), { limit: 50 });
  });

  for (const [body, says] of [
    ['', "it must have required property 'ids'"],
    ['null', 'it must be object'],
    ['[]', 'it must be object'],
    ['{"ids":[]}', 'ids must NOT have fewer than 1 items'],
    ['{"ids":["a",1]}', 'ids.1 must be string'],
    ['{"ids":["a"],"filter":{"x":1}}', '"x" is not known here'],
    ['{"ids":["a"],"filter":{"limit":"5"}}', 'filter.limit must be integer'],
    ['{"ids":["a"],"seconds":9}', 'seconds must be 0, or 10 and more'],
    [`{"ids":${'['.repeat(100)}${']'.repeat(100)}}`, 'it is nested more than 64 levels deep'],
  ] as const) {
    it(`is refused: ${says}`, () => {
      assert.throws(() => read(body), {
        code: 'BODY_MALFORMED',
        message: `The body is not as it should be: ${says}.`,
      });
    });
  }

  it('that is not JSON is said to be that', () => {
    assert.throws(() => read('{'), { code: 'BODY_MALFORMED', message: 'The body is not JSON.' });
  });
});

describe('a body that must be there', () => {
  it('is JSON, and not nothing: a replay without a body would be of everything', () => {
    assert.deepEqual(parseJson(Buffer.from('{"a":1}')), { a: 1 });
    for (const body of ['', '{', 'null x'])
      assert.throws(() => parseJson(Buffer.from(body)), {
        code: 'BODY_MALFORMED',
        message: 'The body is not JSON.',
      });
  });
});
