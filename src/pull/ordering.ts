import { HeadgateError } from '../errors.js';
import type { EventRow } from '../events/event.js';
import { Budget } from '../expressions/budget.js';
import { compileExpression } from '../expressions/compile.js';
import { Fault, type FaultCode } from '../expressions/fault.js';
import { celEvent } from '../rules/cel-event.js';

/** The ordering key of an event, or undefined if it has none: it waits for no other. */
export type OrderingKey = (event: EventRow) => string | undefined;

/**
 * Compiles an `orderingKey`. An event on which it fails, takes too many steps, or does not give text, has no key: one
 * malformed event must not hold up the rest. `onFailure` hears of each.
 * @throws HeadgateError `TENANT_CONFIG_INVALID`: it is not an expression over `event`
 */
export function compileOrderingKey(source: string, onFailure?: (code: FaultCode) => void): OrderingKey {
  const { expression, problem } = compileExpression(source, 'event');
  if (problem !== undefined)
    throw new HeadgateError('TENANT_CONFIG_INVALID', `orderingKey is not an expression: ${problem.message}`);
  return (event) => {
    const key = expression.run({ event: celEvent(event) }, new Budget());
    if (typeof key === 'string') return key;
    onFailure?.(key instanceof Fault ? key.code : 'INVALID_VALUE');
    return undefined;
  };
}
