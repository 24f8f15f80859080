import { Ajv, type ValidateFunction } from 'ajv';
import { parseDuration, parseSize } from './units.js';

/** The least and most a quantity may be, as people write it. */
type Range = readonly [min: string, max: string];

const EVENT_TYPES = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 255 },
  minItems: 1,
  maxItems: 100,
  uniqueItems: true,
};

const EXPRESSION = { type: 'string', minLength: 1, maxLength: 10_000 };

const duration = (min: string, max: string) => ({ durationBetween: [min, max] });
const size = (min: string, max: string) => ({ sizeBetween: [min, max] });
const section = (properties: object, required: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

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

/** `warehouse` and `eligibility` are there by themselves. */
const SUBSCRIPTION_NAME = '^(?!(warehouse|eligibility|constructor)$)[a-z][a-z0-9_-]{0,62}$';

const RATE = { type: 'number', exclusiveMinimum: 0, maximum: 1_000_000 };
const RETRY = section({
  schedule: { type: 'array', maxItems: 20, items: duration('0ms', '7 days') },
});

/** Of every subscription. */
const SHARED = {
  name: { type: 'string', pattern: SUBSCRIPTION_NAME },
  limits: section({ eventsPerSecond: RATE, activitiesPerSecond: RATE }),
  retention: duration('1h', '31 days'),
};

/** A secret, or a value that may be one: `env:NAME`, or literally. */
const VALUE = { type: 'string', minLength: 1, maxLength: 4_096 };
const SECRET = {
  type: 'string',
  pattern: '^(env:[A-Za-z_][A-Za-z0-9_]*|wh(sec|sk)_[A-Za-z0-9+/]{16,128}={0,2})$',
};

const SUBSCRIPTION_KINDS = {
  push: section(
    {
      ...SHARED,
      kind: { const: 'push' },
      url: { type: 'string', pattern: '^https?://[^\\s]+$', maxLength: 2_048 },
      secret: SECRET,
      secrets: { type: 'array', items: SECRET, minItems: 1, maxItems: 5 },
      headers: { type: 'object', maxProperties: 50, additionalProperties: VALUE },
      format: { enum: ['event', 'batch'] },
      maxEvents: { type: 'integer', minimum: 1, maximum: 1_000 },
      timeout: duration('100ms', '60s'),
      maxConcurrency: { type: 'integer', minimum: 1, maximum: 256 },
      retry: RETRY,
      disableAfterFailures: { type: 'integer', minimum: 1, maximum: 1_000_000 },
    },
    ['name', 'kind', 'url'],
  ),
  pull: section(
    {
      ...SHARED,
      kind: { const: 'pull' },
      ackDeadline: duration('10s', '10m'),
      maxAttempts: { type: 'integer', minimum: 5, maximum: 100 },
      orderingKey: EXPRESSION,
    },
    ['name', 'kind'],
  ),
  workflow: section(
    {
      ...SHARED,
      kind: { const: 'workflow' },
      ...{ workflow: EXPRESSION, taskQueue: EXPRESSION, id: EXPRESSION, signal: EXPRESSION },
      retry: RETRY,
    },
    ['name', 'kind', 'workflow', 'taskQueue', 'id', 'signal'],
  ),
};

/** By its kind, so that a mistake is told as one of that kind. */
const SUBSCRIPTION = {
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: Object.values(SUBSCRIPTION_KINDS),
};

const MATCH_TEXT = { type: 'string', minLength: 1, maxLength: 255 };

const ROUTE = section(
  {
    match: section({
      // A star at the end alone.
      type: { type: 'string', pattern: '^[^*]*\\*?$', minLength: 1, maxLength: 255 },
      stream: { enum: ['events', 'user-properties'] },
      priority: MATCH_TEXT,
      stage: MATCH_TEXT,
      when: EXPRESSION,
    }),
    to: {
      type: 'array',
      items: { type: 'string', pattern: SUBSCRIPTION_NAME },
      minItems: 1,
      maxItems: 20,
      uniqueItems: true,
    },
    priority: { enum: ['high', 'normal', 'low'] },
  },
  ['match', 'to'],
);

/** What a tenant's YAML file may hold. */
export const TENANT_SCHEMA = section(
  {
    tenant: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' },
    isolation: { enum: ['pooled', 'dedicated'] },
    suspended: { type: 'boolean' },
    limits: section({
      eventsPerSecond: { type: 'integer', minimum: 1, maximum: 1_000_000 },
      bytesPerSecond: size('1KB', '10GB'),
      activitiesPerSecond: { type: 'number', minimum: 0, maximum: 100_000 },
    }),
    batch: section({
      maxEvents: { type: 'integer', minimum: 1, maximum: 100_000 },
      maxBytes: size('1KB', '64MB'),
      linger: duration('1ms', '10s'),
    }),
    retention: duration('1h', '31 days'),
    warehouse: section({ kind: { const: 'parquet' }, window: duration('1s', '1h') }),
    aggregates: {
      type: 'object',
      propertyNames: { pattern: NAME },
      maxProperties: 200,
      additionalProperties: AGGREGATE,
    },
    rules: { type: 'array', maxItems: 500, items: RULE },
    subscriptions: { type: 'array', maxItems: 20, items: SUBSCRIPTION },
    routes: { type: 'array', maxItems: 1_000, items: ROUTE },
  },
  ['tenant'],
);

/** Compiles the schema; the validator leaves every problem it found on `errors`. */
export function createTenantValidator(): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, discriminator: true });
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
