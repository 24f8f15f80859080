import { Ajv, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { messageOf } from '../errors.js';
import { allAtOnce, type Steps } from '../platform/event-loop-turns.js';
import { EventSchema, EventSchemas } from './event-schemas.js';
import { inspectSchema, keysOf, type Dialect, type SchemaFault } from './inspect.js';
import { MULTIPLE_OF } from './multiple-of.js';
import type { EventSchemaConfig, JsonSchema } from './schema-config.js';

/** What is wrong with a tenant's schemas, and where in its configuration, such as `['schemas', 0, 'schema', 'type']`. */
type SchemaIssue = SchemaFault;

interface AjvDialect extends Dialect {
  readonly ajv: Ajv;
}

const OPTIONS: Options = {
  // The first problem is enough for the sender, and all of them may be many.
  allErrors: false,
  // Keywords are looked at by inspect.ts, which says where they stand; ajv's other wishes are a matter of style.
  strict: false,
  // As JSON Schema has it by default: a format is a remark.
  validateFormats: false,
  // A property named "constructor" is there only if the event has it.
  ownProperties: true,
  // One instance compiles the schemas of all tenants, and must keep none of them.
  addUsedSchema: false,
  validateSchema: false,
  // Optimised code is no faster to run here, and takes three times as long to make.
  code: { optimize: false },
  logger: false,
};

/** Remarks that are common although no dialect has them. */
const REMARKS = ['example'];

const DIALECTS: Readonly<Record<string, () => AjvDialect>> = {
  'https://json-schema.org/draft/2020-12/schema': once(() => dialectOf(new Ajv2020(OPTIONS))),
  'http://json-schema.org/draft-07/schema': once(() => dialectOf(new Ajv(OPTIONS))),
};
const DEFAULT_DIALECT = 'https://json-schema.org/draft/2020-12/schema';
/** What a schema says of itself alone: its dialect, and a name that no other schema can refer to it by. */
const NAMES = new Set(['$schema', '$id']);
/** The most subschemas and listed values of all schemas together: compiling them holds up the process. */
const MAX_PARTS = 5_000;

interface Compiled {
  readonly validate: ValidateFunction;
  readonly parts: number;
}

/** A schema is checked when its file is read, and used when the file comes into force: it is compiled once for both. */
const compiled = new WeakMap<JsonSchema, Compiled>();

/**
 * Compiles a tenant's schemas, those that are off too, and returns the problems beside them.
 * @returns `compiled`: those without problems; undefined where there are none
 */
export function compileSchemas(configs: readonly EventSchemaConfig[]): CheckedSchemas {
  return allAtOnce(compilingSchemas(configs));
}

/** What could be compiled, and what could not. */
interface CheckedSchemas {
  readonly compiled?: EventSchemas;
  readonly issues: SchemaIssue[];
}

/** {@link compileSchemas}, in steps. */
export function* compilingSchemas(configs: readonly EventSchemaConfig[]): Steps<CheckedSchemas> {
  const issues = [...twins(configs)];
  let parts = 0;
  const schemas: EventSchema[] = [];
  for (const [index, config] of configs.entries()) {
    if (parts > MAX_PARTS) break;
    const found = compile(config.schema);
    yield;
    if ('validate' in found) {
      parts += found.parts;
      schemas.push(new EventSchema(config, found.validate));
      continue;
    }
    const path = ['schemas', index, 'schema'];
    issues.push(...found.map((fault) => ({ path: [...path, ...fault.path], message: fault.message })));
  }
  if (parts > MAX_PARTS)
    issues.push({
      path: ['schemas'],
      message: `have more than ${MAX_PARTS} subschemas and listed values together`,
    });
  return schemas.length === 0 ? { issues } : { compiled: new EventSchemas(schemas), issues };
}

function compile(written: JsonSchema): Compiled | readonly SchemaFault[] {
  const known = compiled.get(written);
  if (known !== undefined) return known;
  const dialect = dialectFor(written.$schema);
  if (dialect === undefined)
    return [{ path: ['$schema'], message: `must be one of ${Object.keys(DIALECTS).join(', ')}` }];
  const schema = Object.fromEntries(Object.entries(written).filter(([key]) => !NAMES.has(key)));
  const { faults, parts } = inspectSchema(schema, dialect);
  if (faults.length > 0) return faults;
  const validate = compileInspected(schema, dialect.ajv);
  if (typeof validate !== 'function') return [validate];
  const found = { validate, parts };
  compiled.set(written, found);
  return found;
}

function compileInspected(schema: JsonSchema, ajv: Ajv): ValidateFunction | SchemaFault {
  try {
    if (ajv.validateSchema(schema) === true) return ajv.compile(schema);
    const [error] = ajv.errors ?? [];
    return { path: keysOf(error?.instancePath ?? ''), message: error?.message ?? 'is not a JSON Schema' };
  } catch (error) {
    return { path: [], message: `cannot be compiled: ${messageOf(error)}` };
  } finally {
    ajv.removeSchema(schema);
  }
}

/** Of two schemas of the same events, one would never be looked at. */
function twins(configs: readonly EventSchemaConfig[]): SchemaIssue[] {
  const seen = new Set<string>();
  return configs.flatMap(({ type, dataschema }, index) => {
    const key = JSON.stringify([type, dataschema]);
    if (seen.has(key))
      return [{ path: ['schemas', index], message: 'there is another schema of this type and dataschema' }];
    seen.add(key);
    return [];
  });
}

function dialectFor($schema: unknown): AjvDialect | undefined {
  const uri = $schema === undefined ? DEFAULT_DIALECT : String($schema).replace(/#$/, '');
  return Object.hasOwn(DIALECTS, uri) ? DIALECTS[uri]?.() : undefined;
}

/** ajv's own multipleOf divides doubles. */
function dialectOf(ajv: Ajv): AjvDialect {
  ajv.removeKeyword('multipleOf').addKeyword(MULTIPLE_OF);
  return { ajv, keywords: [...Object.keys(ajv.RULES.keywords), ...REMARKS] };
}

/** Tenants without schemas do not pay for the dialects. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
