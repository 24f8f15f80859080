import { HeadgateError } from '../../errors.js';

/**
 * A SQL string literal. The one place where a value becomes SQL text: COPY, SET and views take no parameters.
 * @throws HeadgateError `WAREHOUSE_FAILED`: a NUL would end the statement early.
 */
export function literal(value: string): string {
  if (value.includes('\0'))
    throw new HeadgateError('WAREHOUSE_FAILED', 'A name for the warehouse contains NUL.');
  return `'${value.replaceAll("'", "''")}'`;
}

/** A SQL list of string literals. */
export function literalList(values: readonly string[]): string {
  return `[${values.map(literal).join(', ')}]`;
}

/** A quoted identifier, so that no column name is taken for a keyword. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
