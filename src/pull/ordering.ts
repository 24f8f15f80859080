import { HeadgateError, messageOf } from '../errors.js';
import type { EventRow } from '../event.js';
import { celEvent } from '../rules/cel-event.js';
import { createEnvironment } from '../rules/environment.js';

/** The ordering key of an event, or undefined if it has none: it waits for no other. */
export type OrderingKey = (event: EventRow) => string | undefined;

/**
 * Compiles an `orderingKey`. An event on which it fails, or for which it does not give text, has no key: one malformed
 * event must not hold up the rest.
 * @throws HeadgateError `TENANT_CONFIG_INVALID`: it is not an expression over `event`
 */
export function compileOrderingKey(expression: string): OrderingKey {
  const run = compile(expression);
  return (event) => {
    const { stackTraceLimit } = Error;
    // A missing property is an Error inside the library, whose trace nobody reads.
    Error.stackTraceLimit = 0;
    try {
      const key: unknown = run({ event: celEvent(event) });
      return typeof key === 'string' ? key : undefined;
    } catch {
      return undefined;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
}

function compile(expression: string): (context: object) => unknown {
  try {
    return createEnvironment('event').parse(expression) as (context: object) => unknown;
  } catch (error) {
    throw new HeadgateError(
      'TENANT_CONFIG_INVALID',
      `orderingKey is not an expression: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
