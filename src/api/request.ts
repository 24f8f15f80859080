import type { Schema, Wire } from '../platform/json-schema.js';
import { HeadgateError } from '../errors.js';
import { ownSchema, whatIsWrong } from '../platform/own-schema.js';
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
      `The query is not as it should be: ${whatIsWrong(isValid.errors)}.`,
    );
  };
}

/**
 * Makes what reads bodies of JSON: checks them, and fills in defaults. It throws HeadgateError `BODY_MALFORMED`.
 * No body at all is `{}`: what it must have is then named.
 */
export function bodyReader<S extends Schema>(schema: S): (body: Buffer) => Wire<S> {
  const isValid = ownSchema<Wire<S>>(schema, { useDefaults: true, verbose: true });
  return (body) => {
    const value = body.length === 0 ? {} : parseJson(body);
    if (isValid(value)) return value;
    throw malformed(`The body is not as it should be: ${whatIsWrong(isValid.errors)}.`);
  };
}

/**
 * The JSON of a body, within the bounds of events.
 * @throws HeadgateError `BODY_MALFORMED`
 */
export function parseJson(body: Buffer): unknown {
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
