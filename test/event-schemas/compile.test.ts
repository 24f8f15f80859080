import assert from 'node:assert/strict';
import { compileSchemas } from '../../src/event-schemas/compile.js';
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
    ['unique items without end', { uniqueItems: true }, /^uniqueItems: needs a maxItems of 1000 or less/],
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
    const problem = problemOf({ uniqueItems: true, maxItems: 1_000 }, data);
    assert.equal(problem?.message, 'must NOT have more than 1000 items');
    assert.ok(cpuMs() - began < 500);
  });

  it('refuses nesting without end, also where YAML lets a schema hold itself', () => {
    const itself: Record<string, unknown> = {};
    itself.items = itself;
    assert.match(issuesOf(itself)[0] ?? '', /is nested more than 64 levels deep/);
  });

  it('keeps within a second of CPU on the worst schema and data it takes', () => {
    const unique = { uniqueItems: true, maxItems: 1_000, items: { enum: [] as object[] } };
    for (let n = 0; n < 900; n++) unique.items.enum.push({ a: { b: n } });
    const data = Array.from({ length: 900 }, (_, n) => ({ a: { b: 899 - n } }));
    const schemas = compiled(configOf(unique));
    const began = cpuMs();
    assert.equal(schemas.find({ type: 'booking.made' })?.problemOf({ data }), undefined);
    assert.ok(cpuMs() - began < 1_000);
  });
});
