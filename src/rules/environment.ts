import { Environment } from '@marcbachmann/cel-js';

/** Where an expression stands, which decides what it may refer to: outside of rules and aggregates, to `event` alone. */
export type ExpressionRole = 'rule' | 'aggregate' | 'event';

type Arithmetic = (left: number, right: number) => number;

/**
 * JSON knows one kind of number, CEL two: what comes from events is `double`, a literal `1` is `int`, and CEL has no
 * arithmetic between them (nor `%` on doubles). These make `event.data.minutes + 1` mean what its author means.
 */
const ARITHMETIC: Readonly<Record<string, Arithmetic>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
};

/**
 * Makes the CEL environment of rules, of aggregates' own expressions, or of filters and templates over an event. Nothing
 * but `event`, `profile` (in the first two) and `aggregates` (in rules) is known to it: any other name is refused when
 * the expression is checked.
 */
export function createEnvironment(role: ExpressionRole): Environment {
  const environment = new Environment({ unlistedVariablesAreDyn: false });
  environment.registerVariable('event', 'map<string, dyn>');
  if (role !== 'event') environment.registerVariable('profile', 'map<string, dyn>');
  if (role === 'rule') environment.registerVariable('aggregates', 'map<string, dyn>');
  for (const [operator, apply] of Object.entries(ARITHMETIC))
    registerArithmetic(environment, operator, apply);
  return environment;
}

function registerArithmetic(environment: Environment, operator: string, apply: Arithmetic): void {
  const mixed = (left: number | bigint, right: number | bigint) => apply(Number(left), Number(right));
  // The result type is named because the library would take the left operand's: `1 + 0.5` would count as an int.
  environment.registerOperator(`double ${operator} int: double`, mixed);
  environment.registerOperator(`int ${operator} double: double`, mixed);
  if (operator === '%') environment.registerOperator('double % double: double', apply);
}
