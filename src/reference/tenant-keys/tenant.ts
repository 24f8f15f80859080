import type { KeyText } from './key-text.js';

const WHEN = 'An event on which it fails is left out.';

/** Of a tenant itself, its decisions and its schemas. Keys of a list have `[]` in their path, those of a map `<name>`. */
export const TENANT_KEYS = {
  tenant: {
    what: 'The id of the tenant, as its tokens have it: 1 to 63 letters, digits, `_` or `-`. The file is kept under this name.',
    example: 'acme',
  },
  isolation: {
    what: '`dedicated` gives the tenant a workflow Worker (about 33 MB) and a task queue of its own.',
    default: 'pooled',
    example: 'dedicated',
  },
  suspended: {
    what: "Refuses the tenant's requests with 403, and ends open ones.",
    default: 'false',
    example: 'true',
  },
  limits: { what: 'What the tenant may take.' },
  'limits.eventsPerSecond': {
    what: "Events per second that the API takes, with a burst of two seconds' worth.",
    default: '5000',
    example: '500',
  },
  'limits.bytesPerSecond': {
    what: "Bytes per second that the API takes, inflated, with a burst of two seconds' worth.",
    default: '5MB',
    example: '2MB',
  },
  'limits.requestsPerSecond': {
    what: "Requests per second of every kind, reads included, with a burst of two seconds' worth.",
    default: '1000',
    example: '300',
  },
  'limits.activitiesPerSecond': {
    what: "Loads per second on the tenant's task queue `tenant.<id>`, kept by Temporal. 0 pauses them.",
    default: '200',
    example: '50',
  },
  batch: { what: 'What closes a batch: the first of these that is reached.' },
  'batch.maxEvents': { what: 'Events in a batch.', default: '10000', example: '2000' },
  'batch.maxBytes': { what: 'Bytes of NDJSON in a batch.', default: '8MB', example: '512KB' },
  'batch.linger': {
    what: 'How long an event waits for others when nothing else is going on.',
    default: '20ms',
    example: '50ms',
  },
  retention: {
    what: 'How long batches, decisions and delivery logs are kept, and so how far back a replay reaches.',
    default: '7 days',
    example: '2 days',
  },
  aggregates: {
    what: 'Values per subject over a trailing window of event time, the current event included, by their names. A name has small letters, digits and `_`, and begins with a letter.',
    unset: 'none',
    example: '{ spent: { on: [order.paid], op: sum, value: event.data.amount, window: 30 days } }',
  },
  'aggregates.<name>': { what: 'One aggregate. Rules see it as `aggregates.<name>`.' },
  'aggregates.<name>.on': { what: 'Types of the events that feed it.', example: '[order.paid]' },
  'aggregates.<name>.when': {
    what: `Which of these events count: true or false over \`event\` and \`profile\`. ${WHEN}`,
    unset: 'all of them',
    example: 'event.data.amount > 0',
  },
  'aggregates.<name>.op': { what: 'How the values of a subject become one.', example: 'sum' },
  'aggregates.<name>.value': {
    what: `The number to fold, over \`event\` and \`profile\`; for \`last\` any value of up to 1,024 characters of JSON. Needed unless \`op\` is \`count\`. ${WHEN}`,
    unset: 'needed, but for `count`',
    example: 'event.data.amount',
  },
  'aggregates.<name>.window': {
    what: 'An event sees those of the window before its own time, both ends included.',
    example: '30 days',
  },
  rules: {
    what: 'Rules that events are decided by, before they are acknowledged.',
    unset: 'none',
    example: '[{ name: gold, on: [order.paid], when: profile.plan == "gold" }]',
  },
  'rules[]': { what: 'One rule.' },
  'rules[].name': {
    what: 'Its name: small letters, digits and `_`, beginning with a letter.',
    example: 'free_shipping',
  },
  'rules[].on': { what: 'Types of the events that it decides on.', example: '[order.paid]' },
  'rules[].when': {
    what: '`eligible` where it is true, over `event`, `profile` and `aggregates`. Where it fails, the decision is `ineligible`, with the reason.',
    example: 'profile.plan == "gold"',
  },
  routes: {
    what: 'Which events go to which subscriptions. They are looked at in order; all that match count.',
    unset: 'none',
    example: '[{ match: { type: "booking.*" }, to: [crm] }]',
  },
  'routes[]': { what: 'One route.' },
  'routes[].match': { what: 'Which events it is for. All that is said must be so; `{}` is every event.' },
  'routes[].match.type': {
    what: 'The type of the event, or its beginning with a star at the end. Types of derived events begin with `headgate.`, and only a pattern that does matches them.',
    unset: 'every type',
    example: 'booking.*',
  },
  'routes[].match.stream': { what: 'The stream of the event.', unset: 'both', example: 'events' },
  'routes[].match.priority': {
    what: "The event's attribute `priority`.",
    unset: 'any',
    example: 'high',
  },
  'routes[].match.stage': { what: "The event's attribute `stage`.", unset: 'any', example: 'live' },
  'routes[].match.when': {
    what: 'True or false over `event`. An event on which it fails does not match.',
    unset: 'every event',
    example: 'event.data.amount > 1000',
  },
  'routes[].to': { what: 'Names of subscriptions of this file.', example: '[crm]' },
  'routes[].priority': {
    what: 'The priority of these events for these subscriptions.',
    unset: "the event's own, if it is `high`, `normal` or `low`; else `normal`",
    example: 'high',
  },
  schemas: {
    what: 'What the data of events must look like.',
    unset: 'none',
    example: '[{ type: booking.made, schema: { type: object, required: [amount] } }]',
  },
  'schemas[]': { what: 'The schema of a type of events.' },
  'schemas[].type': { what: 'The type of the events, exactly.', example: 'booking.made' },
  'schemas[].dataschema': {
    what: 'The `dataschema` of the events, exactly: a version of the schema.',
    unset: 'all events of the type whose `dataschema` no other schema names',
    example: 'https://acme.example/booking/2',
  },
  'schemas[].mode': {
    what: '`enforce` rejects an event that does not fit, `warn` takes and counts it, `off` does nothing.',
    default: 'enforce',
    example: 'warn',
  },
  'schemas[].schema': {
    what: 'JSON Schema 2020-12 of `data`, or of draft-07 where `$schema` says so. Regular expressions and `$ref` to elsewhere are refused, and what could take too long for one event.',
    example: '{ type: object, required: [amount] }',
  },
} as const satisfies Record<string, KeyText>;
