/** What is said of an error's code in docs/reference/errors.md, beside its HTTP status. Sentences, each a line there. */
export interface ErrorText {
  readonly when: string;
  /** What the person who sees it should do. */
  readonly todo: string;
  /**
   * Whether the same call may succeed later without a change by the caller: as `retryable` of the error has it. Of one that
   * `depends`, its cause decides.
   */
  readonly retry: 'yes' | 'no' | 'depends';
}
