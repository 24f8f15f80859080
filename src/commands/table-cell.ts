import { printable } from './printable.js';

/** Characters of a value that a table shows. */
const MAX_CELL = 200;

/** One line of bounded length: a long value would widen every row, and cli-table3 takes seconds for one of many lines. */
export function cell(text: string, maxLength = MAX_CELL): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
  return printable(short).replaceAll('\n', '\\n');
}
