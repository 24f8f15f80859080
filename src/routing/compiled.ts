import type { CompiledExpression } from '../expressions/expression.js';
import type { Priority } from '../tenants/subscription.js';

/** A route ready to be matched. */
export interface CompiledRoute {
  /** Its place in the configuration, from 0. */
  readonly index: number;
  readonly type: TypePattern;
  readonly stream?: string;
  readonly priority?: string;
  readonly stage?: string;
  /** CEL over `event`. */
  readonly when?: CompiledExpression;
  /** Names of subscriptions. */
  readonly to: readonly string[];
  /** What it sets. */
  readonly sets?: Priority;
}

/** Which event types a route is for. */
export interface TypePattern {
  readonly text: string;
  /** True when `text` is what a type must begin with, false when it is the type. */
  readonly prefix: boolean;
}

/** A tenant's routes, compiled, in order. Made by `compileRoutes`. */
export interface CompiledRoutes {
  readonly routes: readonly CompiledRoute[];
  /** True when a route may match derived events. */
  readonly derived: boolean;
}
