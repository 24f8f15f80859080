/** docs/reference/api.md: every route of the HTTP API, from the objects that the server mounts. */
import { openApiDocument } from '../../src/api/openapi/document.ts';
import { limitsOf } from '../../src/api/openapi/operation.ts';
import { errorsOf } from '../../src/api/route-errors.ts';
import { TAGS } from '../../src/api/route.ts';
import { ROUTES } from '../../src/api/routes.ts';
import { anchorOf, code, item, prose, table, title } from './markdown.mjs';

const INTRODUCTION = `A token names its tenant and its scopes: [issue tokens](../how-to/issue-tokens.md).
The scope \`admin\` includes the others.
A token of an operator is for several tenants.
On a route about one tenant an operator names it by the header \`Headgate-Tenant\`.
A tenant may send the header with its own id alone.
Each API serves the same as OpenAPI 3.1 at \`/openapi.json\`, and as a page to read at \`/docs\`.
Every example is run against a node by the tests.
Answers may get further properties in later versions: leave alone what you do not know.`;

const ERRORS = `An error is \`application/problem+json\` with a stable \`code\`: [errors](errors.md) says when each comes, and what to do.
429 and 503 have \`Retry-After\`.
An answer to a token has \`RateLimit-Policy\` and \`RateLimit\`: the tenant's limits, and what is left of them.
A path that there is not is answered 404, and a method that a path does not know 405 with \`Allow\`.`;

/** The page's text. */
export async function page() {
  const document = openApiDocument(ROUTES, '');
  return [
    title('The HTTP API', 'src/api/routes/, src/api/schemas/'),
    prose(INTRODUCTION.replaceAll('\n', ' ')),
    '## Routes',
    ...Object.entries(TAGS).flatMap(([tag, text]) => overview(tag, text)),
    '## Errors',
    prose(ERRORS.replaceAll('\n', ' ')),
    ...commonErrors(),
    ...ROUTES.flatMap((route) => section(route, document)),
    '## Schemas',
    prose('What bodies and answers are made of. A property is there always, unless it says optional.'),
    ...Object.entries(document.components.schemas)
      .filter(([name]) => !name.startsWith('Problem'))
      .flatMap(([name, schema]) => component(name, schema)),
    ...problems(document.components.schemas),
  ].join('\n\n');
}

const headingOf = ({ method, path }) => code(`${method} ${path}`);

/** What a tag is about, and a row for each of its routes. */
function overview(tag, text) {
  const routes = ROUTES.filter((route) => route.tag === tag);
  const rows = routes.map((route) => [
    `[${headingOf(route)}](#${anchorOf(headingOf(route))})`,
    scopeOf(route),
    route.summary,
  ]);
  return [`### ${tag}`, prose(text), table(['Call', 'Scope', ''], rows)];
}

function scopeOf({ scope, narrowedBy }) {
  if (scope === undefined) return 'none';
  return narrowedBy === undefined ? code(scope) : `${code(scope)}, ${code(`${scope}:<${narrowedBy}>`)}`;
}

const linked = (name) => `[${code(name)}](errors.md#${anchorOf(name)})`;

/** What the guard answers stands once: of a route that has nothing but its token. */
const OF_TOKEN = errorsOf({ scope: 'admin' });
const OF_ALL = errorsOf({});

function commonErrors() {
  return [
    prose('Every route that needs a token may answer:'),
    OF_TOKEN.map((name) => `- ${linked(name)}`).join('\n'),
  ];
}

function section(route, document) {
  const { path, method, summary, description, params, query, headers, body, answer } = route;
  const operation = document.paths[path][method.toLowerCase()];
  const common = new Set(route.scope === undefined ? OF_ALL : OF_TOKEN);
  const own = errorsOf(route).filter((each) => !common.has(each));
  return [
    `## ${headingOf(route)}`,
    prose(`${summary}. ${description.replaceAll('\n', ' ')} ${limitsOf(route).join(' ')}`),
    ...parameters('Path', operation, 'path', params),
    ...parameters('Query', operation, 'query', query),
    ...parameters('Headers', operation, 'header', headers),
    ...(body === undefined ? [] : request(route, operation.requestBody)),
    ...answers(answer, operation.responses),
    ...(own.length === 0
      ? []
      : ['**Errors** beside those of every route:', own.map((name) => `- ${linked(name)}`).join('\n')]),
    ...examples(route),
  ];
}

function parameters(heading, { parameters: all }, place, described) {
  if (described === undefined) return [];
  const items = all
    .filter((each) => each.in === place)
    .map(({ name, required, description, schema }) =>
      item(`${code(name)} (${traits(schema, required)}): ${description}`),
    );
  return [`**${heading}**`, items.join('\n')];
}

function request({ body }, { content, required }) {
  const types = Object.keys(content).map(code).join(', ');
  const schema = Object.values(content)[0].schema;
  const needed = required ? '' : ' A request without one is as good as `{}`.';
  return [
    `**Body**`,
    prose(`${types}: ${typeOf(schema)}.${needed}${body.read === 'raw' ? ' NDJSON is one a line.' : ''}`),
  ];
}

function answers({ status, others = {}, headers = {} }, responses) {
  const codes = [status, ...Object.keys(others)];
  const items = codes.map((each) => {
    const { description, content } = responses[each];
    const [[type, { schema }]] = Object.entries(content);
    const shape = schema.type === 'string' ? '' : ` ${typeOf(schema)}.`;
    return item(`${each}, ${code(type)}: ${description}${shape}`);
  });
  const told = Object.entries(headers).map(([name, text]) => item(`Header ${code(name)}: ${text}`));
  return ['**Answer**', [...items, ...told].join('\n')];
}

function examples({ examples: all, body, answer, path }) {
  const shown = all.filter((each) => each.body !== undefined || each.answer !== undefined);
  return shown.flatMap((each) => {
    const query = each.query === undefined ? '' : `?${new URLSearchParams(each.query)}`;
    const sent = each.body === undefined ? [] : [block(each.body)];
    const status = each.status ?? answer.status;
    const got = each.answer === undefined ? [] : [prose(`is answered ${status}:`), block(each.answer)];
    const where = query === '' ? '' : ` (${code(`${path}${query}`)})`;
    return [
      `${prose(`*Example: ${each.summary}*${where}`)}`,
      ...sent,
      ...(body === undefined && sent.length === 0 ? got.slice(-1) : got),
    ];
  });
}

const block = (value) => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;

function component(name, schema) {
  return [
    `### ${name}`,
    ...(schema.description === undefined ? [] : [prose(schema.description)]),
    properties(schema),
  ];
}

/** Problems: what all have, and what some codes add. */
function problems(schemas) {
  const all = Object.entries(schemas).filter(([name]) => name.startsWith('Problem'));
  return all.flatMap(([name, schema]) => component(name, schema));
}

function properties({ properties: all = {}, required = [] }, indent = '') {
  return Object.entries(all)
    .map(([name, schema]) => {
      const text = schema.description === undefined ? '' : `: ${schema.description}`;
      const line = item(`${code(name)} (${traits(schema, required.includes(name))})${text}`);
      const inner = inside(schema);
      const below = inner === undefined ? '' : `\n${properties(inner, `${indent}  `)}`;
      return `${line.replaceAll(/^/gm, indent)}${below}`;
    })
    .join('\n');
}

/** An object without a name of its own, or a list of such: its properties stand below it. */
function inside(schema) {
  const candidate = schema.type === 'array' ? schema.items : schema;
  return candidate?.properties === undefined ? undefined : candidate;
}

function traits(schema, required) {
  const bounds = [
    ...(schema.minimum === undefined
      ? []
      : schema.maximum === undefined
        ? []
        : [`${schema.minimum} to ${schema.maximum}`]),
    ...(schema.maxLength === undefined ? [] : [`at most ${schema.maxLength} characters`]),
    ...(schema.maxItems === undefined ? [] : [`at most ${schema.maxItems}`]),
    ...(schema.default === undefined ? [] : [`default ${schema.default}`]),
  ];
  const optional = required === true || schema.default !== undefined ? [] : ['optional'];
  return [typeOf(schema), ...bounds, ...optional].join(', ');
}

function typeOf(schema) {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1);
    return `[${name}](#${anchorOf(name)})`;
  }
  if (schema.enum !== undefined) return schema.enum.map((each) => code(String(each))).join(' or ');
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.anyOf !== undefined && schema.type === undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  if (schema.properties === undefined && typeof schema.additionalProperties === 'object')
    return `map to ${typeOf(schema.additionalProperties)}`;
  if (schema.type === 'object') return 'object';
  if (Array.isArray(schema.type)) return schema.type.join(' or ');
  return (
    { string: 'text', integer: 'integer', number: 'number', boolean: 'boolean', null: '`null`' }[
      schema.type
    ] ?? 'any JSON'
  );
}
