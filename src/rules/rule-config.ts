/** How an aggregate folds the values of a subject's events within its window. */
export type AggregateOp = 'count' | 'sum' | 'min' | 'max' | 'last';

/** One aggregate: a value per subject over a trailing window of event time, the current event included. */
export interface AggregateConfig {
  /** Event types that feed it. */
  readonly on: readonly string[];
  /** CEL over `event` and `profile`; only events for which it is true are counted (one for which it fails is not). Default: all. */
  readonly when?: string;
  readonly op: AggregateOp;
  /**
   * CEL over `event` and `profile` that gives the number to fold, or for `last` any value of up to 1,024 characters of
   * JSON. Required unless `op` is `count`. An event for which it fails or gives something else is not folded.
   */
  readonly value?: string;
  /** The window in milliseconds: an event at time `t` sees events with time in `[t - windowMs, t]`, both ends included. */
  readonly windowMs: number;
}

/** One eligibility rule. */
export interface RuleConfig {
  readonly name: string;
  /** Event types the rule is evaluated on. */
  readonly on: readonly string[];
  /** CEL over `event`, `profile` and `aggregates`; must give a boolean. */
  readonly when: string;
}

/** What a tenant decides by. */
export interface RulesConfig {
  readonly aggregates: Readonly<Record<string, AggregateConfig>>;
  readonly rules: readonly RuleConfig[];
}
