import { HeadgateError, type ErrorCode } from '../../errors.js';
import { ERROR_TEXTS } from '../../reference/errors/error-texts.js';
import { statusOf, TITLES } from '../problem.js';
import type { RouteExample, RouteShape } from '../route.js';
import { TENANT_ID } from '../../tenants/ids.js';
import { TENANT_HEADER, type Audience } from '../tenant-of-request.js';
import { errorsOf } from '../route-errors.js';
import { problemSchema } from '../schemas/problem.js';
import type { Components, Json } from './components.js';

const JSON_TYPE = 'application/json';

/** Headers that say how much is left, on every answer to a token. */
const QUOTAS = {
  'RateLimit-Policy': { $ref: '#/components/headers/RateLimit-Policy' },
  RateLimit: { $ref: '#/components/headers/RateLimit' },
};
const CHALLENGE = { 'WWW-Authenticate': { $ref: '#/components/headers/WWW-Authenticate' } };
const RETRY_AFTER = { 'Retry-After': { $ref: '#/components/headers/Retry-After' } };

/** A route as an operation of the document. */
export function operationOf(route: RouteShape, components: Components): Json {
  const { id, tag, scope, summary, description } = route;
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: [description, ...limitsOf(route)].join(' '),
    security: scope === undefined ? [] : [{ token: [scope] }],
    parameters: parametersOf(route),
    ...(route.body !== undefined && { requestBody: requestBodyOf(route, components) }),
    responses: responsesOf(route, components),
  };
}

/** What is said of whom a route is for. */
const FOR: Readonly<Record<Audience, string>> = {
  tenant: '',
  operator: ' It is for operators alone.',
  either: ' A tenant sees its own part; an operator all that it reaches, or one tenant by header.',
};

/** The header by which an operator names a tenant, as a parameter. */
function tenantParameter(audience: Audience): Json {
  const needed = audience === 'tenant' ? 'An operator has to send it. ' : '';
  return {
    name: TENANT_HEADER,
    in: 'header',
    description: `The tenant that the call is about. ${needed}A tenant may send its own id alone.`,
    schema: { type: 'string', pattern: TENANT_ID.source },
  };
}

/** Sentences about what a route asks for, and what it takes. */
export function limitsOf({
  scope,
  audience = 'tenant',
  narrowedBy,
  body,
  maxBytes = 0,
  temporalCost = 0,
}: RouteShape): string[] {
  const narrowed = narrowedBy === undefined ? '' : `, or \`${scope}:<${narrowedBy}>\``;
  return [
    ...(scope === undefined
      ? ['It needs no token.']
      : [`It needs a token with the scope \`${scope}\`${narrowed}.${FOR[audience]}`]),
    ...(body === undefined ? [] : [`The body may have ${grouped(maxBytes)} bytes, inflated.`]),
    ...(temporalCost === 0
      ? []
      : [
          `It counts as ${temporalCost === 1 ? 'one call' : `${temporalCost} calls`} of Temporal, of which a tenant may make 50 a second.`,
        ]),
  ];
}

function parametersOf({
  scope,
  audience = 'tenant',
  tenantIn,
  params = {},
  query,
  headers = {},
  examples,
}: RouteShape): Json[] {
  const inPath = Object.entries(params).map(([name, { description, examples: values, ...schema }]) => ({
    name,
    in: 'path',
    required: true,
    description: description as string,
    schema,
    example: (values as readonly unknown[])[0],
  }));
  const inQuery = Object.entries(query?.properties ?? {}).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    description: description as string,
    schema: schema as object,
    ...valuesOf(name, schema as { readonly type?: string }, examples),
  }));
  const own = Object.entries(headers).map(([name, { description, ...schema }]) => ({
    name,
    in: 'header',
    description: description as string,
    schema: schema as object,
  }));
  // One that is named by the path is not named by the header.
  const inHeader = scope === undefined || tenantIn !== undefined ? [] : [tenantParameter(audience)];
  return [...inPath, ...inQuery, ...own, ...inHeader];
}

/** The values of a parameter of the query in the examples that have one. */
function valuesOf(
  name: string,
  { type }: { readonly type?: string },
  examples: readonly RouteExample[],
): Json {
  const having = examples.filter(({ query }) => query?.[name] !== undefined);
  if (having.length === 0) return {};
  const values = having.map((each) => {
    const text = each.query![name]!;
    return [each.name, { summary: each.summary, value: type === 'integer' ? Number(text) : text }] as const;
  });
  return { examples: Object.fromEntries(values) };
}

function requestBodyOf({ body, examples }: RouteShape, components: Components): Json {
  const { schema, mediaTypes = [JSON_TYPE], optional = false } = body!;
  const contents = mediaTypes.map((mediaType) => {
    const having = examples.filter(
      (each) => each.body !== undefined && mediaTypeOf(each, mediaTypes) === mediaType,
    );
    return [
      mediaType,
      { schema: components.request(schema), ...examplesOf(having, ({ body: value }) => value) },
    ] as const;
  });
  return { required: !optional, content: Object.fromEntries(contents) };
}

/** The content type that an example is sent with. */
export function mediaTypeOf(example: RouteExample, mediaTypes: readonly string[] = [JSON_TYPE]): string {
  return example.mediaType ?? mediaTypes[0]!;
}

function responsesOf(route: RouteShape, components: Components): Json {
  const { answer, scope, examples } = route;
  const { status, description, schema, mediaType = JSON_TYPE, others = {}, headers = {} } = answer;
  const told = Object.entries(headers).map(
    ([name, text]) => [name, { description: text, schema: { type: 'string' } }] as const,
  );
  const success = (code: number, text: string): Json => ({
    description: text,
    ...((scope !== undefined || told.length > 0) && {
      headers: { ...Object.fromEntries(told), ...(scope !== undefined && QUOTAS) },
    }),
    content: {
      [mediaType]: {
        schema: schema === undefined ? { type: 'string' } : components.response(schema),
        ...examplesOf(
          examples.filter((each) => (each.status ?? status) === code && each.answer !== undefined),
          (each) => each.answer,
        ),
      },
    },
  });
  const problems = problemsOf(route);
  const further = Object.keys(others).map(Number);
  return {
    [status]: success(status, description),
    ...Object.fromEntries(
      [...problems]
        .filter(([code]) => !further.includes(code))
        .map(([code, codes]) => [code, sharedProblem(code, codes, route, components)] as const),
    ),
    ...Object.fromEntries(
      further.map((code) => {
        // A status that is an answer as well: by its content type one tells which.
        const problem = problemOf(code, problems.get(code) ?? [], [], components);
        const answered = success(code, others[code]!);
        const content = { ...(answered.content as Json), ...(problem.content as Json) };
        return [
          code,
          { ...problem, description: `${others[code]}\n\n${problem.description as string}`, content },
        ];
      }),
    ),
  };
}

function examplesOf(examples: readonly RouteExample[], valueOf: (example: RouteExample) => unknown): Json {
  if (examples.length === 0) return {};
  const entries = examples.map(
    (each) => [each.name, { summary: each.summary, value: valueOf(each) }] as const,
  );
  return { examples: Object.fromEntries(entries) };
}

/** The codes of what a route answers when something is wrong, by status. */
function problemsOf(route: RouteShape): Map<number, (ErrorCode | 'INTERNAL')[]> {
  const byStatus = new Map<number, (ErrorCode | 'INTERNAL')[]>([[500, ['INTERNAL']]]);
  for (const code of errorsOf(route)) {
    const status = statusOf(new HeadgateError(code, ''));
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

function sharedProblem(
  status: number,
  codes: readonly (ErrorCode | 'INTERNAL')[],
  route: RouteShape,
  components: Components,
): Json {
  const examples = route.examples.filter((each) => each.status === status);
  const key = [status, ...codes, ...(examples.length === 0 ? [] : [route.id])].join(' ');
  return components.sharedResponse(key, () => problemOf(status, codes, examples, components));
}

function problemOf(
  status: number,
  codes: readonly (ErrorCode | 'INTERNAL')[],
  examples: readonly RouteExample[],
  components: Components,
): Json {
  const retry = status === 429 || status === 503;
  return {
    description: descriptionOf(status, codes),
    ...(retry && { headers: RETRY_AFTER }),
    ...(status === 401 && { headers: CHALLENGE }),
    content: {
      'application/problem+json': {
        schema: components.response(problemSchema(codes)),
        ...examplesOf(examples, (each) => each.answer),
      },
    },
  };
}

function descriptionOf(status: number, codes: readonly (ErrorCode | 'INTERNAL')[]): string {
  const items = codes.map((code) => {
    const when = code === 'INTERNAL' ? 'A fault of Headgate, whose log says more.' : ERROR_TEXTS[code].when;
    return `- \`${code}\`: ${when}`;
  });
  return `${TITLES[status]}.\n\n${items.join('\n')}`;
}

/** Without `Intl`, whose first use takes tens of milliseconds. */
function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
