import { PUSH_URL } from './push-url.js';
import { EXPRESSION, duration, section } from './schema-parts.js';
import { SECRET, VALUE } from './secret-reference.js';

/** Pattern of a route's event type. */
export const TYPE_PATTERN = '^[^*]*\\*?$';
/** Names that no configured subscription may have: what they stand for is there by itself. */
export const RESERVED_NAMES = ['warehouse', 'eligibility', 'ingest', 'constructor'];
/** Pattern of a subscription's name. */
export const SUBSCRIPTION_NAME = `^(?!(${RESERVED_NAMES.join('|')})$)[a-z][a-z0-9_-]{0,62}$`;

const RATE = { type: 'number', exclusiveMinimum: 0, maximum: 1_000_000 };
const HEADER = { type: 'string', minLength: 1, maxLength: 4_096, pattern: VALUE };
const CONCURRENCY = { type: 'integer', minimum: 1, maximum: 256 };
const RETRY = section({
  schedule: { type: 'array', maxItems: 20, items: duration('0ms', '7 days') },
});

/** Of every subscription. */
const SHARED = {
  name: { type: 'string', pattern: SUBSCRIPTION_NAME },
  limits: section({ eventsPerSecond: RATE, activitiesPerSecond: RATE }),
  retention: duration('1h', '31 days'),
};

const SUBSCRIPTION_KINDS = {
  push: section(
    {
      ...SHARED,
      kind: { const: 'push' },
      url: { type: 'string', pattern: PUSH_URL, maxLength: 2_048 },
      secret: { type: 'string', pattern: SECRET },
      secrets: { type: 'array', items: { type: 'string', pattern: SECRET }, minItems: 1, maxItems: 5 },
      headers: { type: 'object', maxProperties: 50, additionalProperties: HEADER },
      format: { enum: ['event', 'batch'] },
      maxEvents: { type: 'integer', minimum: 1, maximum: 1_000 },
      timeout: duration('100ms', '60s'),
      maxConcurrency: CONCURRENCY,
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
      workflow: EXPRESSION,
      taskQueue: EXPRESSION,
      id: EXPRESSION,
      signal: EXPRESSION,
      maxConcurrency: CONCURRENCY,
      retry: RETRY,
    },
    ['name', 'kind', 'workflow', 'taskQueue', 'id', 'signal'],
  ),
};

/** A subscription; by its kind, so that a mistake is told as one of that kind. */
export const SUBSCRIPTION = {
  type: 'object',
  required: ['kind'],
  properties: { kind: { enum: Object.keys(SUBSCRIPTION_KINDS) } },
  discriminator: { propertyName: 'kind' },
  oneOf: Object.values(SUBSCRIPTION_KINDS),
};

const MATCH_TEXT = { type: 'string', minLength: 1, maxLength: 255 };

/** A route. */
export const ROUTE = section(
  {
    match: section({
      // A star at the end alone.
      type: { type: 'string', pattern: TYPE_PATTERN, minLength: 1, maxLength: 255 },
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
