import type { CompiledExpression } from '../expressions/expression.js';
import type { AggregateOp } from './rule-config.js';

/** An aggregate ready to fold events. */
export interface CompiledAggregate {
  readonly name: string;
  /** Hash of the definition; state folded under another is not used. */
  readonly definition: string;
  readonly on: readonly string[];
  readonly op: AggregateOp;
  readonly windowMs: number;
  /** See `FoldRule`; of `last` alone, whose values may be texts. */
  readonly maxChars?: number;
  readonly when?: CompiledExpression;
  readonly value?: CompiledExpression;
}

/** A rule ready to be evaluated. */
export interface CompiledRule {
  readonly name: string;
  /** Changes when the rule or an aggregate it uses changes, and only then. */
  readonly version: string;
  readonly on: readonly string[];
  readonly when: CompiledExpression;
  /** Names of the aggregates it uses. */
  readonly aggregates: readonly string[];
}

/** What there is to do for one event type. */
export interface TypePlan {
  /** Aggregates the event may be folded into. */
  readonly folds: readonly CompiledAggregate[];
  /** Aggregates its rules need the value of. */
  readonly reads: readonly CompiledAggregate[];
  readonly rules: readonly CompiledRule[];
}

/** A tenant's rules and aggregates, compiled, and indexed by event type. Made by `compileRules`. */
export interface CompiledRules {
  readonly aggregates: ReadonlyMap<string, CompiledAggregate>;
  readonly rules: readonly CompiledRule[];
  readonly byType: ReadonlyMap<string, TypePlan>;
}

/** True when events of this type are folded or decided on: for any other, `evaluateEvent` does nothing. */
export function concernsRules(compiled: CompiledRules, eventType: string): boolean {
  return compiled.byType.has(eventType);
}
