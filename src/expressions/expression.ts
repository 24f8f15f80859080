import type { Budget } from './budget.js';
import type { Context } from './frame.js';
import type { Reference } from './references.js';
import type { Kind } from './runtime-value.js';

/** An expression ready to be evaluated, any number of times. */
export interface CompiledExpression {
  readonly source: string;
  /** What it gives, as far as that is known before it runs. */
  readonly type: Kind;
  /** What it refers to, for reasons and to know which aggregates it needs. */
  readonly references: readonly Reference[];
  /** Where what it gives begins in the source, in UTF-16 units. */
  readonly offset: number;
  /**
   * Evaluates it. Never throws: what fails gives a `Fault`.
   * @param context JSON data by the names of variables
   * @param budget steps that are left; see {@link Budget}
   */
  run(context: Context, budget: Budget): unknown;
}
