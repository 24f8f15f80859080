import { anyMap, choice, listOf, section, text, type AnyMap, type UsedOf } from '../tenants/file-schema.js';

/** What the data of a tenant's events of one type must look like. What is in `schema` is looked at by inspect.ts. */
const EVENT_SCHEMA = section(
  {
    type: text(
      { minLength: 1, maxLength: 256 },
      { what: 'The type of the events, exactly.', example: 'booking.made' },
    ),
    dataschema: text(
      { minLength: 1, maxLength: 2_048 },
      {
        what: 'The `dataschema` of the events, exactly: a version of the schema.',
        unset: 'all events of the type whose `dataschema` no other schema names',
        example: 'https://acme.example/booking/2',
      },
    ),
    mode: choice(['enforce', 'warn', 'off'], {
      what: '`enforce` rejects an event that does not fit, `warn` takes and counts it, `off` does nothing.',
      default: 'enforce',
      example: 'warn',
    }),
    schema: anyMap({
      what: 'JSON Schema 2020-12 of `data`, or of draft-07 where `$schema` says so. Regular expressions and `$ref` to elsewhere are refused, and what could take too long for one event.',
      example: { type: 'object', required: ['amount'] },
    }),
  },
  ['type', 'schema'],
  { what: 'The schema of a type of events.' },
);

/** `schemas` of a tenant's file. */
export const EVENT_SCHEMAS = listOf(
  EVENT_SCHEMA,
  { maxItems: 100 },
  {
    what: 'What the data of events must look like.',
    default: [],
    example: [{ type: 'booking.made', schema: { type: 'object', required: ['amount'] } }],
  },
);

/** What the data of a tenant's events of one type must look like. */
export type EventSchemaConfig = UsedOf<typeof EVENT_SCHEMA>;

/** What happens to an event whose data does not fit its schema. */
export type SchemaMode = EventSchemaConfig['mode'];

/** A JSON Schema as written. */
export type JsonSchema = AnyMap;
