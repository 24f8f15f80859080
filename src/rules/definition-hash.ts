import { createHash } from 'node:crypto';
import type { AggregateConfig, RuleConfig } from './rule-config.js';

type Aggregates = Readonly<Record<string, AggregateConfig>>;

/** Hash of an aggregate's definition: state folded under one is not used under another. */
export function aggregateDefinitionHash(aggregate: AggregateConfig): string {
  return hash(aggregateDefinition(aggregate));
}

/**
 * The version of a rule: a hash of the rule and of the aggregates it uses, so that a change elsewhere in the tenant's
 * configuration leaves it as it is.
 */
export function ruleVersion(rule: RuleConfig, aggregates: Aggregates, used: readonly string[]): string {
  return hash({
    name: rule.name,
    on: [...rule.on].sort(),
    when: rule.when,
    aggregates: [...used].sort().map((name) => [name, aggregateDefinition(aggregates[name]!)]),
  });
}

/** The keys in a fixed order: what is hashed must not depend on how the configuration was written. */
function aggregateDefinition({ on, when, op, value, windowMs }: AggregateConfig): object {
  return { on: [...on].sort(), when: when ?? null, op, value: value ?? null, windowMs };
}

function hash(definition: object): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 12);
}
