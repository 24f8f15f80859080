/** What a name may not have where it is one line of many, and what Postgres does not keep: U+0000 and halves of characters. */
const ESCAPED = /[\\\0\n]|\p{Surrogate}/gu;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\0': '\\z', '\n': '\\n' };
const EMPTY = '\\e';

/**
 * A subject's name as it is kept: one line of well-formed text, never empty, another for every name. All names but the
 * odd ones are kept as they are. It is never read back, so it has no inverse.
 */
export function keptName(subject: string): string {
  if (subject === '') return EMPTY;
  // Of the four digits of half a character the first is always a d; without it, the longest name is short enough for an index.
  return subject.replace(ESCAPED, (odd) => ESCAPES[odd] ?? `\\${odd.charCodeAt(0).toString(16).slice(1)}`);
}
