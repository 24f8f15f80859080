/** How a check went: `warn` works but deserves a look, `fail` keeps Headgate from working. */
type Verdict = 'ok' | 'warn' | 'fail';

/** One line of the doctor's report. */
export interface Finding {
  /** What was looked at: `node`, `data directory`, `port 8080`, … */
  readonly check: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** All is well. */
export const ok = (check: string, found: string): Finding => ({ check, verdict: 'ok', found });
/** It works, but deserves a look. */
export const warn = (check: string, found: string, fix: string): Finding => ({
  check,
  verdict: 'warn',
  found,
  fix,
});
/** It keeps Headgate from working. */
export const fail = (check: string, found: string, fix: string): Finding => ({
  check,
  verdict: 'fail',
  found,
  fix,
});
