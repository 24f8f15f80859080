/** tenant.schema.json: JSON Schema of a tenant's file for editors. */
import { KEY_TEXTS } from '../../src/reference/tenant-keys/tenant-keys.ts';
import { parseSize } from '../../src/platform/units.ts';
import { TENANT_SCHEMA } from '../../src/tenants/config/schema.ts';
import { parse } from 'yaml';

const NUMBER = '^\\d+(\\.\\d+)?\\s*';

/** The file's text. */
export async function page() {
  return JSON.stringify({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: "A tenant's file of Headgate",
    ...converted(TENANT_SCHEMA, ''),
  });
}

/** The schema with what editors show, without keywords that only Headgate knows. */
function converted(schema, path) {
  const { durationBetween, sizeBetween, ...rest } = schema;
  delete rest.discriminator;
  return {
    ...textsOf(path),
    ...(durationBetween === undefined ? {} : { type: 'string', pattern: `${NUMBER}[A-Za-z]+$` }),
    ...(sizeBetween === undefined ? {} : sized(sizeBetween)),
    ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, part(key, value, path)])),
  };
}

function part(keyword, value, path) {
  switch (keyword) {
    case 'properties':
      return Object.fromEntries(
        Object.entries(value).map(([key, each]) => [
          key,
          converted(each, path === '' ? key : `${path}.${key}`),
        ]),
      );
    case 'items':
      return converted(value, `${path}[]`);
    case 'additionalProperties':
      return typeof value === 'object' ? converted(value, `${path}.<name>`) : value;
    case 'oneOf':
    case 'allOf':
      return value.map((each) => converted(each, path));
    case 'then':
    case 'else':
      return converted(value, path);
    default:
      return value;
  }
}

function textsOf(path) {
  const text = KEY_TEXTS[path];
  if (text === undefined) return {};
  return {
    description: text.what,
    ...(text.default === undefined ? {} : { default: parse(text.default) }),
    ...(text.example === undefined ? {} : { examples: [parse(text.example)] }),
  };
}

function sized([min, max]) {
  const bytes = { type: 'integer', minimum: parseSize(min), maximum: parseSize(max) };
  return { anyOf: [{ type: 'string', pattern: `${NUMBER}([Kk]|[Mm]|[Gg])?[Bb]$` }, bytes] };
}
