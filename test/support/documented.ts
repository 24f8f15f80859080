import type { Schema } from '../../src/platform/json-schema.js';
import assert from 'node:assert/strict';
import { Ajv, type ValidateFunction } from 'ajv';
import { problemDocument, statusOf } from '../../src/api/problem.js';
import { errorsOf } from '../../src/api/route-errors.js';
import type { RouteShape } from '../../src/api/route.js';
import { ROUTES } from '../../src/api/routes.js';
import { problemSchema } from '../../src/api/schemas/problem.js';
import { HeadgateError, type ErrorCode } from '../../src/errors.js';

/** An answer of the API. */
export interface Answered {
  readonly method: string;
  /** With its query, if it has one. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
}

const ajv = new Ajv({ strict: false, validateSchema: false });
const compiled = new Map<unknown, ValidateFunction>();

/** Asserts that an answer of the API is as its route describes it: status, content type, every property, code of the error. */
export function assertDocumented({ method, path, status, contentType, text }: Answered): void {
  const route = routeOf(method, path);
  const what = `${method} ${path}: ${status} ${text.slice(0, 500)}`;
  const mediaType = contentType?.split(';')[0] ?? '';
  if (mediaType === 'application/problem+json') return assertProblem(route, status, text, what);
  assert.ok(route !== undefined, `${what}: it is no route, and the answer is no problem`);
  const { answer } = route;
  const known = [answer.status, ...Object.keys(answer.others ?? {}).map(Number)];
  assert.ok(known.includes(status), `${what}: the status is not described`);
  if (method === 'HEAD' || answer.schema === undefined) return;
  assert.equal(mediaType, answer.mediaType ?? 'application/json', what);
  const lines =
    mediaType === 'application/x-ndjson' ? text.split('\n').filter((line) => line !== '') : [text];
  for (const line of lines) assertFits(answer.schema, JSON.parse(line), what);
}

/** The route that a request is answered by. */
export function routeOf(method: string, path: string): RouteShape | undefined {
  const wanted = method === 'HEAD' ? 'GET' : method;
  // What clients of analytics double, the server does not.
  const pathname = path.split('?')[0]!.replaceAll(/\/{2,}/g, '/');
  return ROUTES.find(
    (each) => each.method === wanted && patternsOf(each).some((pattern) => pattern.test(pathname)),
  );
}

/** The path of a route, with the examples of its parameters or with other values. */
export function examplePath(
  { path, params = {} }: RouteShape,
  values: Readonly<Record<string, string>> = {},
): string {
  return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const [example] = params[name]!.examples as readonly string[];
    return encodeURIComponent(values[name] ?? example!);
  });
}

function patternsOf({ path, aliases = [] }: RouteShape): RegExp[] {
  return [path, ...aliases].map(
    (each) => new RegExp(`^${each.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]*')}/?$`),
  );
}

function assertProblem(route: RouteShape | undefined, status: number, text: string, what: string): void {
  const { code } = JSON.parse(text) as { code: ErrorCode | 'INTERNAL' };
  const codes = route === undefined ? ['NOT_FOUND', 'METHOD_NOT_ALLOWED'] : [...errorsOf(route), 'INTERNAL'];
  assert.ok(
    codes.includes(code),
    `${what}: the code is not described for ${route?.id ?? 'what is no route'}`,
  );
  if (code !== 'INTERNAL') assert.equal(status, statusOf(new HeadgateError(code, '')), what);
  assertFits(problemSchema([code]), JSON.parse(text), what, problemDocument(status, code, ''));
}

function assertFits(schema: Schema, value: unknown, what: string, key: unknown = schema): void {
  const known = compiled.get(key) ?? ajv.compile(schema);
  compiled.set(key, known);
  assert.ok(known(value), `${what}: ${ajv.errorsText(known.errors)}`);
}
