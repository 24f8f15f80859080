/** Characters of a value that a table shows. */
const MAX_CELL = 200;

/** One line of bounded length: a long value would widen every row, and cli-table3 takes seconds for one of many lines. */
export function cell(text: string, maxLength = MAX_CELL): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
  return printable(short).replaceAll('\n', '\\n');
}

/** Events are other people's text: a control character in one must not reach the terminal as a command to it. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (char) =>
    char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
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
