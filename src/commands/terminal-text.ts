import { printable } from '../platform/printable.js';

/** Characters of a value that a table shows. */
const MAX_CELL = 200;

/** One line of bounded length: a long value would widen every row, and cli-table3 takes seconds for one of many lines. */
export function cell(text: string, maxLength = MAX_CELL): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
  return printable(short).replaceAll('\n', '\\n');
}

/**
 * Prints a line, or several, for people or as JSON. Whatever a command prints goes through here or {@link printError}: reasons,
 * names and messages may be a tenant's text. In JSON an escape stands for the same character.
 */
export function print(text: string): void {
  process.stdout.write(lines(text));
}

/** The same, beside what the command gives. */
export function printError(text: string): void {
  process.stderr.write(lines(text));
}

function lines(text: string): string {
  const safe = printable(text);
  return safe.endsWith('\n') ? safe : `${safe}\n`;
}
