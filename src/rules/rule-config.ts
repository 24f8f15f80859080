import {
  choice,
  duration,
  expression,
  listOf,
  mapOf,
  section,
  text,
  type UsedOf,
  type WrittenOf,
} from '../tenants/file-schema.js';

/** Derived events are not decided on. */
const DECIDED_TYPE = text({
  pattern: '^(?!headgate\\.)',
  problem: `must not begin with "headgate.": Headgate's own events can be routed, and are not decided on`,
  minLength: 1,
  maxLength: 255,
});

function eventTypes(what: string) {
  const form = { minItems: 1, maxItems: 100, uniqueItems: true } as const;
  return listOf(DECIDED_TYPE, form, { what, example: ['order.paid'] });
}

/** Names of aggregates and rules. `constructor` is left out: every JavaScript object has one, so it could not be missing. */
const NAME = {
  pattern: '^(?!constructor$)[a-z][a-z0-9_]{0,62}$',
  problem: 'must be a name of 1 to 63 small letters, digits and "_" that starts with a letter',
};

const WHEN = 'An event on which it fails, or gives something else, is left out, and counted.';

/** One aggregate: a value per subject over a trailing window of event time, the current event included. */
export const AGGREGATE = section(
  {
    on: eventTypes('Types of the events that feed it.'),
    when: expression({
      what: `Which of these events count: true or false over \`event\` and \`profile\`. ${WHEN}`,
      unset: 'all of them',
      example: 'event.data.amount > 0',
    }),
    op: choice(['count', 'sum', 'min', 'max', 'last'], {
      what: 'How the values of a subject become one.',
      example: 'sum',
    }),
    value: expression({
      what: `The number to fold, over \`event\` and \`profile\`; for \`last\` any value of up to 1,024 characters of JSON. Needed unless \`op\` is \`count\`. ${WHEN}`,
      unset: 'needed, but for `count`',
      example: 'event.data.amount',
    }),
    window: duration('1s', '31 days', {
      what: 'An event sees those of the window before its own time, both ends included.',
      example: '30 days',
    }),
  },
  ['on', 'op', 'window'],
  { what: 'One aggregate. Rules see it as `aggregates.<name>`.' },
);

/** `aggregates` of a tenant's file. */
export const AGGREGATES = mapOf(
  AGGREGATE,
  { propertyNames: NAME, maxProperties: 200 },
  {
    what: 'Values per subject over a trailing window of event time, the current event included, by their names. A name has small letters, digits and `_`, and begins with a letter.',
    default: {},
    example: { spent: { on: ['order.paid'], op: 'sum', value: 'event.data.amount', window: '30 days' } },
  },
);

/** One eligibility rule. */
const RULE = section(
  {
    name: text(NAME, {
      what: 'Its name: small letters, digits and `_`, beginning with a letter.',
      example: 'free_shipping',
    }),
    on: eventTypes('Types of the events that it decides on.'),
    when: expression({
      what: '`eligible` where it is true, over `event`, `profile` and `aggregates`. Where it fails, the decision is `ineligible`, with the reason.',
      example: 'profile.plan == "gold"',
    }),
  },
  ['name', 'on', 'when'],
  { what: 'One rule.' },
);

/** `rules` of a tenant's file. */
export const RULES = listOf(
  RULE,
  { maxItems: 500 },
  {
    what: 'Rules that events are decided by, before they are acknowledged.',
    default: [],
    example: [{ name: 'gold', on: ['order.paid'], when: 'profile.plan == "gold"' }],
  },
);

/** An aggregate as written. */
export type RawAggregate = WrittenOf<typeof AGGREGATE>;

/**
 * An aggregate in use. `value` is there unless `op` is `count`; an event at time `t` sees events with time in
 * `[t - windowMs, t]`.
 */
export type AggregateConfig = UsedOf<typeof AGGREGATE>;

/** How an aggregate folds the values of a subject's events within its window. */
export type AggregateOp = AggregateConfig['op'];

/** One eligibility rule. */
export type RuleConfig = UsedOf<typeof RULE>;

/** What a tenant decides by. */
export interface RulesConfig {
  readonly aggregates: Readonly<Record<string, AggregateConfig>>;
  readonly rules: readonly RuleConfig[];
}
