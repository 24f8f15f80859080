/** The keys of a tenant's file, as its schema has them. */
import { KEY_TEXTS } from '../../src/reference/tenant-keys/tenant-keys.ts';
import { EXPRESSION } from '../../src/tenants/config/schema-parts.ts';
import { TENANT_SCHEMA } from '../../src/tenants/config/schema.ts';
import { code } from './markdown.mjs';

const number = (value) => value.toLocaleString('en');

/**
 * Every key, by its path: `subscriptions[].url`, `aggregates.<name>.op`. A key that depends on others has several forms,
 * each with what it is the form of, such as `kind: push`.
 */
export function tenantKeys() {
  const keys = new Map();
  for (const { path, ...form } of keysIn(TENANT_SCHEMA, '', undefined))
    keys.set(path, [...(keys.get(path) ?? []), form]);
  const missing = [...keys.keys()].filter((path) => !Object.hasOwn(KEY_TEXTS, path));
  const others = Object.keys(KEY_TEXTS).filter((path) => !keys.has(path));
  if (missing.length + others.length > 0)
    throw new Error(
      `Keys of tenants without a text: ${missing.join()}; texts without a key: ${others.join()}.`,
    );
  // As the schema has what is at the top, and below as the texts are.
  const top = Object.keys(TENANT_SCHEMA.properties);
  const rank = (path) => top.indexOf(path.split(/[.[]/)[0]);
  const paths = Object.keys(KEY_TEXTS).sort((a, b) => rank(a) - rank(b));
  return new Map(paths.map((path) => [path, keys.get(path)]));
}

/** What a branch of a schema applies to: the one value of a key that it asks for. */
export function conditionOf(schema) {
  const [[key, { const: value }]] = Object.entries(schema.properties).filter(([, each]) => 'const' in each);
  return `${key}: ${value}`;
}

function* keysIn(schema, path, of) {
  for (const [key, each] of Object.entries(schema.properties ?? {})) {
    const at = path === '' ? key : `${path}.${key}`;
    // What is empty or constant stands for what another part of the schema says.
    if (Object.keys(each).length > 0 && !('const' in each)) {
      yield { path: at, of, schema: each, isRequired: schema.required?.includes(key) ?? false };
      yield* keysIn(each, at, of);
    }
  }
  yield* elementsIn(schema, path, of);
  yield* branchesIn(schema, path, of);
}

function* elementsIn({ items, additionalProperties }, path, of) {
  const [element, at] = items === undefined ? [additionalProperties, `${path}.<name>`] : [items, `${path}[]`];
  if (element?.type !== 'object') return;
  yield { path: at, of, schema: element, isRequired: false };
  yield* keysIn(element, at, of);
}

function* branchesIn(schema, path, of) {
  for (const branch of schema.oneOf ?? []) yield* keysIn(branch, path, conditionOf(branch));
  for (const part of [schema, ...(schema.allOf ?? [])]) {
    if (part.if?.properties === undefined) continue;
    const condition = conditionOf(part.if);
    const within = of === undefined ? condition : `${of}, ${condition}`;
    yield* keysIn(part.then, path, within);
    if (part.else !== undefined) yield* keysIn(part.else, path, of === undefined ? 'kind: parquet' : of);
  }
}

/** What a value must be, in words; undefined for what any text, or its own keys, can be. */
export function formOf(schema) {
  if (schema === EXPRESSION) return `[CEL](expressions.md), up to ${number(schema.maxLength)} characters`;
  if (schema.enum !== undefined) return `one of ${schema.enum.map(code).join(', ')}`;
  if (schema.if?.const !== undefined) return `${code(schema.if.const)}, or ${formOf(schema.else)}`;
  if (schema.durationBetween !== undefined) return `a duration from ${between(schema.durationBetween)}`;
  if (schema.sizeBetween !== undefined) return `a size from ${between(schema.sizeBetween)}`;
  return FORMS[schema.type](schema);
}

const between = ([min, max]) => `${code(min)} to ${code(max)}`;

const FORMS = {
  boolean: () => 'true or false',
  integer: ({ minimum, maximum }) => `a whole number from ${number(minimum)} to ${number(maximum)}`,
  number: ({ minimum, exclusiveMinimum, maximum }) =>
    minimum === undefined
      ? `a number above ${exclusiveMinimum}, up to ${number(maximum)}`
      : `a number from ${number(minimum)} to ${number(maximum)}`,
  string: ({ maxLength }) =>
    maxLength === undefined ? undefined : `a text of up to ${number(maxLength)} characters`,
  array: ({ items, minItems = 0, maxItems }) => {
    const count = minItems === 0 ? `up to ${number(maxItems)}` : `${minItems} to ${number(maxItems)}`;
    const each = formOf(items);
    return `a list of ${count}${each === undefined ? '' : `, each ${each}`}`;
  },
  object: ({ maxProperties }) =>
    maxProperties === undefined ? undefined : `a map of up to ${maxProperties}`,
};
