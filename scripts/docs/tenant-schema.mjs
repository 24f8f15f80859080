/** tenant.schema.json: JSON Schema of a tenant's file for editors. */
import { parseSize } from '../../src/platform/units.ts';
import { TENANT_FILE } from '../../src/tenants/config/tenant-config.ts';

const NUMBER = '^\\d+(\\.\\d+)?\\s*';

/** Keywords that only Headgate knows. */
const OWN = ['discriminator', 'language', 'problem', 'unset'];

/** Keywords whose value is data, not a schema. */
const DATA = ['default', 'examples', 'enum', 'const', 'required'];

/** The file's text. */
export async function page() {
  return JSON.stringify({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: "A tenant's file of Headgate",
    ...converted(TENANT_FILE),
  });
}

/** The schema, all that is in it included, without keywords that only Headgate knows. */
function converted(schema) {
  if (Array.isArray(schema)) return schema.map(converted);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { description, durationBetween, sizeBetween, ...others } = schema;
  const kept = Object.entries(others).filter(([key]) => !OWN.includes(key));
  return {
    ...(description !== undefined && { description }),
    ...(durationBetween !== undefined && { type: 'string', pattern: `${NUMBER}[A-Za-z]+$` }),
    ...(sizeBetween !== undefined && sized(sizeBetween)),
    ...Object.fromEntries(kept.map(([key, value]) => [key, part(key, value)])),
  };
}

function part(keyword, value) {
  if (DATA.includes(keyword)) return value;
  if (keyword !== 'properties') return converted(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, converted(each)]));
}

function sized([min, max]) {
  const bytes = { type: 'integer', minimum: parseSize(min), maximum: parseSize(max) };
  return { anyOf: [{ type: 'string', pattern: `${NUMBER}([Kk]|[Mm]|[Gg])?[Bb]$` }, bytes] };
}
