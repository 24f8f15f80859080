/** What is said of a key of a tenant's file, beside its form and limits, which its schema has. */
export interface KeyText {
  /** Sentences; each has a line in docs/reference/tenant-file.md. */
  readonly what: string;
  /** The value that stands for it while it is not there, as written in the file. */
  readonly default?: string;
  /** What holds while it is not there, where no one value says it. */
  readonly unset?: string;
  /** A value, as written in the file. A test takes each. */
  readonly example?: string;
}
