/** The keys of a tenant's file, as its schema has them. */
import { stringify } from 'yaml';
import { TENANT_FILE } from '../../src/tenants/config/tenant-config.ts';
import { code } from './markdown.mjs';

const number = (value) => value.toLocaleString('en');

/**
 * Every key, by its path: `subscriptions[].url`, `aggregates.<name>.op`. A key that depends on others has several forms,
 * each with what it is the form of, such as `kind: push`.
 */
export function tenantKeys() {
  const keys = new Map();
  for (const { path, ...form } of keysIn(TENANT_FILE, '', undefined)) {
    const forms = keys.get(path) ?? [];
    keys.set(path, forms);
    // One of which nothing is said only adds a condition to another.
    if (form.schema.description !== undefined) forms.push(form);
  }
  for (const [path, forms] of keys)
    if (forms.length === 0) throw new Error(`Nothing is said of the key ${path}.`);
  return keys;
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
  const within = (key, word) => (of === undefined ? `${key}: ${word}` : `${of}, ${key}: ${word}`);
  for (const branch of schema.oneOf ?? [])
    yield* keysIn(branch, path, within('kind', branch.properties.kind.const));
  for (const part of [schema, ...(schema.allOf ?? [])]) {
    if (part.if?.properties === undefined) continue;
    const [[key, { const: word }]] = Object.entries(part.if.properties);
    const others = schema.properties[key].enum.filter((each) => each !== word);
    if (part.else !== undefined) yield* keysIn(part.else, path, within(key, others.join(' or ')));
    yield* keysIn(part.then, path, within(key, word));
  }
}

/** A value as one writes it in a line of YAML. */
export function written(value) {
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return stringify(value, { lineWidth: 0 }).trimEnd();
  const pairs = Object.entries(value).map(([key, each]) => `${written(key)}: ${written(each)}`);
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
}

/** What a value must be, in words; undefined for what any text, or its own keys, can be. */
export function formOf(schema) {
  if (schema.language === 'cel') return `[CEL](expressions.md), up to ${number(schema.maxLength)} characters`;
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
