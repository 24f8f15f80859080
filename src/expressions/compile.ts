import type { Budget } from './budget.js';
import { MAX_EXPRESSION_STEPS } from './budget.js';
import { ExpressionBuilder } from './build.js';
import type { Run } from './built.js';
import type { CompiledExpression } from './expression.js';
import { BudgetExceeded, TOO_COSTLY } from './fault.js';
import { Frame, type Context } from './frame.js';
import { parse } from './parse.js';
import { PatternQuota } from './pattern.js';
import { ExpressionRefused, type ExpressionProblem } from './problem.js';
import { referencesIn } from './references.js';
import { ANY_MAP, type Type } from './type.js';

/** Where an expression stands, which decides what it may refer to: outside of rules and aggregates, to `event` alone. */
export type ExpressionRole = 'rule' | 'aggregate' | 'event';

/** An expression, or why there is none. */
export type Compilation =
  | { readonly expression: CompiledExpression; readonly problem?: undefined }
  | { readonly expression?: undefined; readonly problem: ExpressionProblem };

const VARIABLES: Readonly<Record<ExpressionRole, readonly string[]>> = {
  rule: ['event', 'profile', 'aggregates'],
  aggregate: ['event', 'profile'],
  event: ['event'],
};

/**
 * Compiles an expression of a tenant's file. Any name that its role does not know is refused.
 * @param patterns what the regular expressions of the file may take together; default: those of this expression alone
 */
export function compileExpression(
  source: string,
  role: ExpressionRole,
  patterns?: PatternQuota,
): Compilation {
  return compileWith(source, new Map(VARIABLES[role].map((name) => [name, ANY_MAP])), patterns);
}

/** Compiles an expression over variables of these types. Those that are maps hold JSON. */
export function compileWith(
  source: string,
  variables: ReadonlyMap<string, Type>,
  patterns = new PatternQuota(),
): Compilation {
  try {
    const ast = parse(source);
    const { type, run, steps, offset } = new ExpressionBuilder(variables, patterns).build(ast);
    const references = referencesIn(ast, new Set(variables.keys()));
    return {
      expression: {
        source,
        type: type.kind,
        references,
        offset,
        run: (context, budget) => evaluate(run, steps, context, budget),
      },
    };
  } catch (error) {
    if (!(error instanceof ExpressionRefused)) throw error;
    return { problem: { message: error.message, offset: error.offset } };
  }
}

function evaluate(run: Run, steps: number, context: Context, budget: Budget): unknown {
  const frame = new Frame(context, budget, Math.min(budget.limit, budget.used + MAX_EXPRESSION_STEPS));
  try {
    frame.charge(steps);
    return run(frame);
  } catch (error) {
    if (error instanceof BudgetExceeded) return TOO_COSTLY;
    throw error;
  }
}
