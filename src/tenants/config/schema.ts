import { Ajv, type ValidateFunction } from 'ajv';
import { EXPRESSION, duration, section, size } from './schema-parts.js';
import { ROUTE, SUBSCRIPTION } from './subscription-schema.js';
import { parseDuration, parseSize } from '../../platform/units.js';
import { WAREHOUSE } from './warehouse-schema.js';

/** The least and most a quantity may be, as people write it. */
type Range = readonly [min: string, max: string];

/** Pattern of an event type that is decided on: derived events are not. */
export const DECIDED_TYPE = '^(?!headgate\\.)';

const EVENT_TYPES = {
  type: 'array',
  items: { type: 'string', pattern: DECIDED_TYPE, minLength: 1, maxLength: 255 },
  minItems: 1,
  maxItems: 100,
  uniqueItems: true,
};

/** Pattern of a tenant's id. */
export const TENANT = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$';

/** Names of aggregates and rules. `constructor` is left out: every JavaScript object has one, so it could not be missing. */
const NAME = '^(?!constructor$)[a-z][a-z0-9_]{0,62}$';

const AGGREGATE = section(
  {
    on: EVENT_TYPES,
    when: EXPRESSION,
    op: { enum: ['count', 'sum', 'min', 'max', 'last'] },
    value: EXPRESSION,
    window: duration('1s', '31 days'),
  },
  ['on', 'op', 'window'],
);

const RULE = section({ name: { type: 'string', pattern: NAME }, on: EVENT_TYPES, when: EXPRESSION }, [
  'name',
  'on',
  'when',
]);

/** What is in `schema` is looked at by event-schemas/. */
const EVENT_SCHEMA = section(
  {
    type: { type: 'string', minLength: 1, maxLength: 256 },
    dataschema: { type: 'string', minLength: 1, maxLength: 2_048 },
    mode: { enum: ['enforce', 'warn', 'off'] },
    schema: { type: 'object' },
  },
  ['type', 'schema'],
);

/** What a tenant's YAML file may hold. */
export const TENANT_SCHEMA = section(
  {
    tenant: { type: 'string', pattern: TENANT },
    isolation: { enum: ['pooled', 'dedicated'] },
    suspended: { type: 'boolean' },
    limits: section({
      eventsPerSecond: { type: 'integer', minimum: 1, maximum: 1_000_000 },
      bytesPerSecond: size('1KB', '10GB'),
      requestsPerSecond: { type: 'integer', minimum: 1, maximum: 1_000_000 },
      activitiesPerSecond: { type: 'number', minimum: 0, maximum: 100_000 },
    }),
    batch: section({
      maxEvents: { type: 'integer', minimum: 1, maximum: 100_000 },
      maxBytes: size('1KB', '64MB'),
      linger: duration('1ms', '10s'),
    }),
    retention: duration('1h', '31 days'),
    warehouse: WAREHOUSE,
    aggregates: {
      type: 'object',
      propertyNames: { pattern: NAME },
      maxProperties: 200,
      additionalProperties: AGGREGATE,
    },
    rules: { type: 'array', maxItems: 500, items: RULE },
    subscriptions: { type: 'array', maxItems: 20, items: SUBSCRIPTION },
    routes: { type: 'array', maxItems: 1_000, items: ROUTE },
    schemas: { type: 'array', maxItems: 100, items: EVENT_SCHEMA },
  },
  ['tenant'],
);

/** Compiles the schema; the validator leaves every problem it found on `errors`. */
export function createTenantValidator(): ValidateFunction {
  // The schema is our own: JSON Schema's, which it would be checked against, takes as long to compile.
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: true,
    discriminator: true,
    validateSchema: false,
  });
  addQuantity(ajv, 'durationBetween', parseDuration, 'a duration such as 20ms, 5s, 24h or 7 days');
  addQuantity(ajv, 'sizeBetween', parseSize, 'a size such as 500KB or 2MB');
  return ajv.compile(TENANT_SCHEMA);
}

/** Adds a keyword for quantities written with a unit, with their range. */
function addQuantity(
  ajv: Ajv,
  keyword: string,
  parse: (value: unknown) => number | undefined,
  what: string,
): void {
  ajv.addKeyword({
    keyword,
    schemaType: 'array',
    errors: true,
    compile: ([min, max]: Range) => {
      const validate: { (value: unknown): boolean; errors?: object[] } = (value) => {
        const quantity = parse(value);
        const problem = quantity === undefined ? `must be ${what}` : `must be from ${min} to ${max}`;
        const good = quantity !== undefined && quantity >= parse(min)! && quantity <= parse(max)!;
        if (!good) validate.errors = [{ keyword, message: problem, params: {} }];
        return good;
      };
      return validate;
    },
  });
}
