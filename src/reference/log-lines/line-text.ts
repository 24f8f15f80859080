/** Levels at which a line can be logged. */
export type LineLevel = 'debug' | 'info' | 'warn' | 'error';

/** What is fixed of a line of the log, and what docs/reference/log-lines.md says of it. */
export type LineText = QuietLine | LoudLine;

/** A line that asks nothing of anybody. */
interface QuietLine extends AnyLine {
  readonly level: 'debug' | 'info';
}

/** A line about something that is wrong: what to do about it is in the runbook. */
interface LoudLine extends AnyLine {
  /** Several where what the line passes on has a level of its own. */
  readonly level: 'warn' | 'error' | readonly LineLevel[];
  readonly todo: string;
  /** Its page in docs/runbook, with the heading there if the page is about more. The page names the line's id. */
  readonly page: string;
}

interface AnyLine {
  /** `msg` of the line. What differs from line to line is in its fields. */
  readonly phrase: string;
  /** When it is logged. Sentences. */
  readonly means: string;
}
