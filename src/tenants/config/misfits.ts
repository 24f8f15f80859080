import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { nearest } from '../../platform/nearest.js';
import { parseDuration, parseSize } from '../../platform/units.js';
import { TENANT_FILE } from './tenant-config.js';
import type { YamlPath } from './yaml-document.js';

/** Something in a tenant's file that does not fit its schema. */
interface Misfit {
  readonly path: YamlPath;
  /** The key of the map at `path` that is meant, where it is not the value. */
  readonly key?: string;
  readonly message: string;
}

let validator: ValidateFunction | undefined;

/** All that does not fit the schema of a tenant's file, in words. */
export function misfitsOf(raw: unknown): Misfit[] {
  validator ??= createValidator();
  return validator(raw) ? [] : (validator.errors ?? []).flatMap((error) => misfitOf(error) ?? []);
}

function createValidator(): ValidateFunction {
  // The schema is our own: JSON Schema's, which it would be checked against, takes as long to compile.
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: true,
    discriminator: true,
    validateSchema: false,
  });
  // What people and documents are told, and ajv does not look at.
  ajv.addVocabulary(['language', 'problem', 'unset']);
  addQuantity(ajv, 'durationBetween', parseDuration, 'a duration such as 20ms, 5s, 24h or 7 days');
  addQuantity(ajv, 'sizeBetween', parseSize, 'a size such as 500KB or 2MB');
  return ajv.compile(TENANT_FILE);
}

/** The least and most a quantity may be, as people write it. */
type Range = readonly [min: string, max: string];

/** Adds a keyword for quantities written with a unit, with their range. */
function addQuantity(
  ajv: Ajv,
  keyword: string,
  parse: (value: unknown) => number | undefined,
  what: string,
): void {
  ajv.addKeyword({
    keyword,
    schemaType: 'array',
    errors: true,
    compile: ([min, max]: Range) => {
      const validate: { (value: unknown): boolean; errors?: object[] } = (value) => {
        const quantity = parse(value);
        const problem = quantity === undefined ? `must be ${what}` : `must be from ${min} to ${max}`;
        const good = quantity !== undefined && quantity >= parse(min)! && quantity <= parse(max)!;
        if (!good) validate.errors = [{ keyword, message: problem, params: {} }];
        return good;
      };
      return validate;
    },
  });
}

/** An error of ajv's in plain words. Undefined for those that only sum up others. */
function misfitOf(error: ErrorObject): Misfit | undefined {
  const path = pathOf(error.instancePath);
  const name = path.length === 0 ? 'the file' : path.join('.');
  const here = (message: string): Misfit => ({ path, message: `${name} ${message}` });
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(path, error);
    case 'required':
      return here(`needs "${error.params.missingProperty as string}"`);
    case 'propertyNames': {
      const key = error.params.propertyName as string;
      return { path, key, message: `"${key}" ${patternProblem(error.schema as Pattern, key)}` };
    }
    case 'pattern':
      // The error of a key is reported under `propertyNames`.
      return error.propertyName === undefined
        ? here(patternProblem(error.parentSchema as Pattern, error.data))
        : undefined;
    case 'if':
      // What does not fit is told by the schema that was chosen.
      return undefined;
    case 'discriminator':
      // A kind that is missing or unknown is told by `required` or `enum`.
      return undefined;
    case 'enum':
      return here(`must be one of ${(error.params.allowedValues as string[]).join(', ')}`);
    case 'const':
      return here(`must be ${String(error.params.allowedValue)}`);
    case 'type':
      return here(`must be ${WORD_FOR[error.params.type as string] ?? error.params.type}${hintFor(error)}`);
    default:
      return here(error.message ?? 'does not fit');
  }
}

/** A schema with a pattern, and what it says of what does not fit. */
interface Pattern {
  readonly pattern: string;
  readonly problem: string;
}

function patternProblem({ pattern, problem }: Pattern, value: unknown): string {
  const isLeftOut = value === 'constructor' && pattern.startsWith('^(?!constructor$)');
  return isLeftOut ? 'must not be "constructor": every JavaScript object has one' : problem;
}

const WORD_FOR: Readonly<Record<string, string>> = {
  object: 'a map of keys and values',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

/** YAML reads `1E3`, `007` or `true` without quotes as something else than text. */
function hintFor({ params, data }: ErrorObject): string {
  const misread = params.type === 'string' && (typeof data === 'number' || typeof data === 'boolean');
  return misread ? `: YAML reads it as ${typeof data} ${String(data)}, put it in quotes` : '';
}

function unknownKey(path: YamlPath, { params, parentSchema }: ErrorObject): Misfit {
  const key = params.additionalProperty as string;
  const known = Object.keys((parentSchema as { properties: object }).properties);
  const meant = nearest(key, known);
  const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean "${meant}"?`;
  return { path, key, message: `unknown key "${key}"; ${hint}` };
}

/** The keys of a JSON pointer; list indexes as numbers. */
function pathOf(pointer: string): (string | number)[] {
  const keys = pointer.split('/').slice(1);
  return keys.map((key) =>
    /^\d+$/.test(key) ? Number(key) : key.replaceAll('~1', '/').replaceAll('~0', '~'),
  );
}
