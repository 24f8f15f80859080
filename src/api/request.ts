import type { Schema, Wire } from '../platform/json-schema.js';
import type { ErrorObject } from 'ajv';
import { HeadgateError } from '../errors.js';
import { ownSchema } from '../tenants/own-schema.js';
import { parseBounded } from './bounded-json.js';

type Query = Readonly<Record<string, string | string[] | undefined>>;

/** Makes what reads queries: checks them, and fills in defaults. It throws HeadgateError `PARAMETER_INVALID`. */
export function queryReader<S extends Schema>(schema: S): (query: Query) => Wire<S> {
  // Everything in a query is text. Verbose: an error has the schema that it is about.
  const isValid = ownSchema<Wire<S>>(schema, { useDefaults: true, coerceTypes: true, verbose: true });
  return (query) => {
    const value: unknown = { ...query };
    if (isValid(value)) return value;
    throw new HeadgateError(
      'PARAMETER_INVALID',
      `The query is not as it should be: ${explain(isValid.errors)}.`,
    );
  };
}

/** Makes what reads bodies of JSON: checks them, and fills in defaults. It throws HeadgateError `BODY_MALFORMED`. */
export function bodyReader<S extends Schema>(schema: S): (body: Buffer) => Wire<S> {
  const isValid = ownSchema<Wire<S>>(schema, { useDefaults: true, verbose: true });
  return (body) => {
    const value = parse(body);
    if (isValid(value)) return value;
    throw malformed(`The body is not as it should be: ${explain(isValid.errors)}.`);
  };
}

/** No body at all is `{}`: what it must have is then named. */
function parse(body: Buffer): unknown {
  if (body.length === 0) return {};
  let parsed;
  try {
    parsed = parseBounded(body);
  } catch (error) {
    throw malformed('The body is not JSON.', error);
  }
  if ('excess' in parsed) throw malformed(`The body is not as it should be: ${parsed.excess}.`);
  return parsed.value;
}

function malformed(message: string, cause?: unknown): HeadgateError {
  return new HeadgateError('BODY_MALFORMED', message, { cause });
}

/** The first thing that is wrong, and where. */
function explain(errors: readonly ErrorObject[] | null | undefined): string {
  const [{ instancePath = '', message = 'unknown', params = {}, keyword, parentSchema } = {} as ErrorObject] =
    errors?.slice(-1) ?? [];
  const { additionalProperty, allowedValues } = params as {
    additionalProperty?: string;
    allowedValues?: string[];
  };
  if (additionalProperty !== undefined) return `"${additionalProperty.slice(0, 100)}" is not known here`;
  const where = instancePath === '' ? 'it' : instancePath.slice(1).replaceAll('/', '.');
  // What alternatives have in common is said in words alone.
  if (keyword === 'anyOf') return `${where} must be ${(parentSchema as { description: string }).description}`;
  return `${where} ${message}${allowedValues === undefined ? '' : `: ${allowedValues.join(', ')}`}`;
}
