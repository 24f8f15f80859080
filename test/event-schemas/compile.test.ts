import assert from 'node:assert/strict';
import { compileSchemas } from '../../src/event-schemas/compile.js';
import { isMultiple } from '../../src/event-schemas/multiple-of.js';
import type { EventSchemas, SchemaProblem } from '../../src/event-schemas/event-schemas.js';
import type { EventSchemaConfig, JsonSchema } from '../../src/event-schemas/schema-config.js';

const DRAFT_07 = 'http://json-schema.org/draft-07/schema#';

function configOf(schema: JsonSchema, more: Partial<EventSchemaConfig> = {}): EventSchemaConfig {
  return { type: 'booking.made', mode: 'enforce', schema, ...more };
}

function compiled(...configs: EventSchemaConfig[]): EventSchemas {
  const { compiled: schemas, issues } = compileSchemas(configs);
  assert.deepEqual(issues, []);
  return schemas as EventSchemas;
}

function problemOf(schema: JsonSchema, data: unknown): SchemaProblem | undefined {
  return compiled(configOf(schema)).find({ type: 'booking.made' })?.problemOf({ data });
}

/** The places, within the schema, and the messages of what is wrong with it. */
function issuesOf(schema: JsonSchema): string[] {
  return compileSchemas([configOf(schema)]).issues.map(
    ({ path, message }) => `${path.slice(3).join('.')}: ${message}`,
  );
}

/** The time this process has had a CPU, which other processes do not lengthen. */
const cpuMs = (): number => process.cpuUsage().user / 1_000;

/** A reference to the next, twice, and so on: 2 to the power of `levels` in all. */
function doubling(levels: number): JsonSchema {
  const next = (level: number): JsonSchema =>
    level === levels ? { type: 'string' } : { allOf: [ref(level + 1), ref(level + 1)] };
  const ref = (level: number): JsonSchema => ({ $ref: `#/$defs/l${level}` });
  const levelsOf = Array.from({ length: levels + 1 }, (_, level) => [`l${level}`, next(level)]);
  return { ...ref(0), $defs: Object.fromEntries(levelsOf) };
}

describe('event-schemas/compile', () => {
  it('says where the data of an event does not fit, and how, without its values', () => {
    const schema = {
      type: 'object',
      required: ['amount'],
      properties: { amount: { type: 'number', minimum: 0 }, 'a/b': { items: { enum: ['x'] } } },
      additionalProperties: false,
    };
    const problems: [unknown, string, string][] = [
      [{ amount: 'hunter2' }, '/amount', 'must be number'],
      [{ amount: -7 }, '/amount', 'must be >= 0'],
      [{}, '', "must have required property 'amount'"],
      [{ amount: 1, 'a/b': ['x', 'y'] }, '/a~1b/1', 'must be equal to one of the allowed values'],
      [{ amount: 1, 'o/~k': 1 }, '/o~1~0k', 'must NOT have additional properties'],
      [[], '', 'must be object'],
      [undefined, '', 'is missing'],
    ];
    for (const [data, pointer, message] of problems)
      assert.deepEqual(problemOf(schema, data), { pointer, message });
    assert.equal(problemOf(schema, { amount: 5, 'a/b': ['x'] }), undefined);
  });

  it('cuts what is said of long names', () => {
    const { pointer } = problemOf({ additionalProperties: false }, { ['😀'.repeat(10_000)]: 1 }) ?? {};
    assert.equal(pointer?.length, 512);
    assert.ok(pointer.isWellFormed());
  });

  it('takes schemas of both dialects as people write them, remarks and formats and all', () => {
    const schemas: JsonSchema[] = [
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: 'https://acme.example/booking.json',
        title: 'A booking',
        'x-owner': 'sales',
        properties: {
          pattern: { type: 'string', format: 'odd', example: 'a' },
          list: { type: 'array', prefixItems: [{ $ref: '#/$defs/name' }], items: false },
        },
        dependentRequired: { a: ['b'] },
        $defs: { name: { type: ['string', 'null'] } },
      },
      {
        $schema: DRAFT_07,
        definitions: { name: { type: 'string' } },
        items: [{ $ref: '#/definitions/name' }],
        additionalItems: false,
        dependencies: { a: ['b'], c: { required: ['d'] } },
        if: { type: 'array' },
        then: { maxItems: 1 },
      },
    ];
    for (const schema of schemas) {
      assert.equal(problemOf(schema, { pattern: 'x', list: ['y'] }), undefined);
      // The same name again, as in the next version of the file.
      assert.equal(problemOf(structuredClone(schema), ['z']), undefined);
    }
    assert.deepEqual(problemOf(schemas[1]!, [7]), { pointer: '/0', message: 'must be string' });
  });

  it('does not take what every JavaScript object has for a property', () => {
    assert.ok(problemOf({ required: ['constructor'] }, {}));
    assert.equal(problemOf({ properties: { toString: { type: 'string' } } }, {}), undefined);
  });

  it('finds the schema of a version, or else that of the type', () => {
    const [v1, v2] = ['https://acme.example/1', 'https://acme.example/2'];
    const schemas = compiled(
      configOf({ const: 1 }, { dataschema: v1 }),
      configOf({ const: 2 }, { dataschema: v2, mode: 'off' }),
      configOf({ const: 3 }),
      configOf({ const: 4 }, { type: 'booking.lost', dataschema: v1 }),
    );
    const constOf = (type: string, dataschema?: string) =>
      schemas.find({ type, dataschema })?.config.schema.const;
    assert.deepEqual([constOf('booking.made', v1), constOf('booking.made', v2)], [1, 2]);
    assert.deepEqual([constOf('booking.made', 'other'), constOf('booking.made')], [3, 3]);
    assert.deepEqual([constOf('booking.lost', v1), constOf('booking.lost')], [4, undefined]);
    assert.deepEqual([constOf('toString'), constOf('booking')], [undefined, undefined]);
  });

  const refused: [name: string, schema: JsonSchema, issue: RegExp][] = [
    ['an expression', { items: { pattern: '(a+)+$' } }, /^items.pattern: regular expressions are not/],
    ['expressions as names', { patternProperties: { a: {} } }, /^patternProperties: regular expr/],
    ['a typing error', { properties: { a: { minimun: 1 } } }, /^properties.a.minimun: .*"minimum"\?$/],
    ['a keyword of another dialect', { $schema: DRAFT_07, prefixItems: [] }, /^prefixItems: is no keyword/],
    ['an unknown dialect', { $schema: 'http://json-schema.org/draft-04/schema#' }, /^\$schema: must be one/],
    ['a reference elsewhere', { $ref: 'https://evil.example/x' }, /^\$ref: must lead to a place in the/],
    ['a reference to a name', { $ref: '#name' }, /^\$ref: must lead to a place in the same schema/],
    ['a reference to nothing', { $ref: '#/$defs/x' }, /^\$ref: #\/\$defs\/x is not in the schema/],
    ['a schema of itself', { properties: { a: { $ref: '#' } } }, /^properties.a.\$ref: leads back/],
    [
      'a loop',
      { $ref: '#/$defs/a', $defs: { a: { items: { $ref: '#/$defs/%61' } } } },
      /^\$defs.a.items.\$ref: leads back to itself/,
    ],
    ['references that double', doubling(20), /^: has more than 1000 subschemas/],
    ['a long list', { enum: Array.from({ length: 1_001 }, (_, n) => n) }, /^: has more than 1000/],
    ['unique items without end', { uniqueItems: true }, /^uniqueItems: needs a maxItems of 100 or less/],
    [
      'unique texts without end',
      { uniqueItems: true, items: { type: 'string' } },
      /^uniqueItems: needs a maxItems of 1000 or less/,
    ],
    [
      'what is unevaluated beside contains',
      { unevaluatedItems: false, contains: {} },
      /^unevaluatedItems: is not supported beside contains/,
    ],
    [
      'what is unevaluated beside contains elsewhere',
      { unevaluatedItems: false, allOf: [{ $ref: '#/$defs/a' }], $defs: { a: { contains: {} } } },
      /^unevaluatedItems: is not supported beside contains/,
    ],
    [
      'what is unevaluated beside items within',
      { unevaluatedItems: { type: 'boolean' }, anyOf: [{ items: { type: 'string' } }, true] },
      /^unevaluatedItems: is not supported beside items/,
    ],
    [
      'what is unevaluated beside an if alone',
      { properties: { a: { unevaluatedProperties: false, if: { properties: { b: {} } } } } },
      /^properties.a.unevaluatedProperties: is not supported beside an if without both/,
    ],
    [
      'a property that cannot be checked',
      { properties: JSON.parse('{"__proto__":{"type":"string"}}') as object },
      /^properties.__proto__: cannot be checked/,
    ],
    [
      'alternatives over a list without end',
      { items: { anyOf: Array.from({ length: 440 }, (_, n) => ({ const: n })) } },
      /^: could take too long for one event: give lists a maxItems/,
    ],
    [
      'alternatives over a map without end',
      { additionalProperties: { oneOf: Array.from({ length: 100 }, (_, n) => ({ const: n })) } },
      /^: could take too long for one event/,
    ],
    [
      'unique items within items',
      { items: { uniqueItems: true, maxItems: 100 } },
      /^: could take too long for one event/,
    ],
    ['a name within', { items: { $id: 'x' } }, /^items.\$id: can stand at the top alone/],
    ['a schema that is asynchronous', { $async: true }, /^\$async: is no keyword/],
    [
      'a value of another type',
      { properties: { a: { maxLength: '9' } } },
      /^properties.a.maxLength: must be/,
    ],
    ['a list for a schema', { not: [] }, /^not: must be object,boolean/],
  ];
  for (const [name, schema, issue] of refused) {
    it(`refuses ${name}`, () => {
      const issues = issuesOf(schema);
      assert.match(issues[0] ?? 'none', issue);
      assert.equal(compileSchemas([configOf(schema)]).compiled, undefined);
    });
  }

  it('refuses more than a file may have of them together', () => {
    const values = { enum: Array.from({ length: 990 }, (_, n) => n) };
    const configs = (count: number) =>
      Array.from({ length: count }, (_, n) => configOf({ ...values }, { type: `t${n}` }));
    assert.deepEqual(compileSchemas(configs(5)).issues, []);
    assert.match(
      compileSchemas(configs(6)).issues[0]?.message ?? '',
      /more than 5000 subschemas .* together/,
    );
  });

  it('looks at no more unique items than the schema allows', () => {
    const data = Array.from({ length: 10_000 }, (_, n) => ({ n }));
    const began = cpuMs();
    const problem = problemOf({ uniqueItems: true, maxItems: 100 }, data);
    assert.equal(problem?.message, 'must NOT have more than 100 items');
    assert.ok(cpuMs() - began < 500);
  });

  it('refuses nesting without end, also where YAML lets a schema hold itself', () => {
    const itself: Record<string, unknown> = {};
    itself.items = itself;
    assert.match(issuesOf(itself)[0] ?? '', /is nested more than 64 levels deep/);
  });

  const list = (count: number, of: (n: number) => unknown): unknown[] =>
    Array.from({ length: count }, (_, n) => of(n));
  const alternatives = (count: number) => ({ anyOf: list(count, (n) => ({ const: n })) });
  const object = (names: number, of: (n: number) => object): object => ({
    properties: Object.fromEntries(list(names, (n) => [`p${n}`, of(n)]) as [string, object][]),
  });
  /** At the edge of what is taken, with the worst data for it. */
  const worst: [name: string, schema: JsonSchema, data: unknown][] = [
    [
      'unique items',
      { uniqueItems: true, maxItems: 100, items: { enum: list(850, (n) => ({ n })) } },
      list(100, (n) => ({ n: 849 - n })),
    ],
    ['alternatives of a bounded list', { maxItems: 100, items: alternatives(440) }, list(100, () => 439)],
    ['alternatives of a list without end', { items: alternatives(4) }, list(10_000, () => 3)],
    ['enumerations of a list without end', { items: { enum: list(48, (n) => n) } }, list(10_000, () => 47)],
    ['look-ups of empty items', { items: object(100, () => ({ type: 'string' })) }, list(10_000, () => ({}))],
    [
      'a map without end',
      { additionalProperties: alternatives(4) },
      Object.fromEntries(list(9_990, (n) => [`k${n}`, 3]) as [string, number][]),
    ],
    ['multiples of a list without end', { items: { multipleOf: 0.01 } }, list(10_000, (n) => n / 100)],
  ];
  for (const [name, schema, data] of worst)
    it(`checks one event in a few milliseconds at worst: ${name}`, () => {
      const found = compiled(configOf(schema)).find({ type: 'booking.made' });
      for (let warm = 0; warm < 3; warm++) found?.problemOf({ data });
      const began = cpuMs();
      for (let time = 0; time < 5; time++) assert.equal(found?.problemOf({ data }), undefined);
      const each = (cpuMs() - began) / 5;
      assert.ok(each < 60, `${each} ms`);
    });

  it('takes what is usual, without bounds: lines of an order, optional fields, variants', () => {
    const optional = (type: string) => ({ anyOf: [{ type }, { type: 'null' }] });
    const line = object(20, (n) => (n % 2 === 0 ? optional('string') : { type: 'number', multipleOf: 0.01 }));
    const variant = (kind: string) => ({
      ...object(8, () => ({ type: 'string' })),
      required: ['kind'],
      title: kind,
    });
    for (const schema of [
      { type: 'object', properties: { lines: { type: 'array', items: line } } },
      { type: 'object', additionalProperties: optional('string') },
      { properties: { steps: { items: { oneOf: ['a', 'b', 'c'].map(variant) } } } },
      { properties: { tags: { uniqueItems: true, maxItems: 1_000, items: { type: 'string' } } } },
      { items: { enum: list(30, (n) => `country ${n as number}`) } },
      { if: { required: ['a'] }, then: { required: ['b'] }, else: true, unevaluatedProperties: false },
      { prefixItems: [{ type: 'string' }], items: { type: 'number' }, unevaluatedItems: false },
    ])
      assert.deepEqual(issuesOf(schema), []);
  });

  it('knows multiples of decimals exactly', () => {
    for (let cents = 0; cents <= 100_000; cents++) {
      const amount = cents / 100;
      if (!isMultiple(amount, 0.01)) assert.fail(`${amount} is a multiple of 0.01`);
      if (isMultiple(amount, 0.1) !== (cents % 10 === 0)) assert.fail(`${amount} by 0.1`);
      if (isMultiple(amount, 0.05) !== (cents % 5 === 0)) assert.fail(`${amount} by 0.05`);
    }
    const multiples: [number, number, boolean][] = [
      ...([
        [1e300, 1, true],
        [1e308, 0.5, true],
        [0.0075, 0.0001, true],
        [0.00751, 0.0001, false],
      ] as const),
      ...([
        [0.3, 0.1, true],
        [-19.99, 0.01, true],
        [0, 0.01, true],
        [7, 2, false],
        [4.5, 1.5, true],
      ] as const),
      ...([
        [1e-7, 1e-8, true],
        [5e-324, 1e308, false],
        [1e308, 5e-324, true],
        [2 ** 53, 3, false],
      ] as const),
    ].map((each) => [...each] as [number, number, boolean]);
    for (const [value, divisor, expected] of multiples)
      assert.deepEqual([value, divisor, isMultiple(value, divisor)], [value, divisor, expected]);
    for (const $schema of [DRAFT_07, undefined]) {
      const schema = { ...($schema && { $schema }), properties: { amount: { multipleOf: 0.01 } } };
      assert.equal(problemOf(schema, { amount: 19.99 }), undefined);
      assert.deepEqual(problemOf(schema, { amount: 19.999 }), {
        pointer: '/amount',
        message: 'must be multiple of 0.01',
      });
      assert.equal(problemOf(schema, { amount: 'text' }), undefined);
    }
    assert.match(issuesOf({ multipleOf: 0 })[0] ?? '', /^multipleOf: must be > 0/);
  });
});
