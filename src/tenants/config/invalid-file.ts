import { HeadgateError } from '../../errors.js';

/** One thing wrong with a tenant's file; lines and columns count from 1. */
export interface ConfigIssue {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/**
 * The error `TENANT_CONFIG_INVALID` of a file: each issue as a line `file:line:column: message`, and
 * all of them as `details.issues`.
 * @param fileName what to call the file
 */
export function invalidFile(fileName: string, issues: readonly ConfigIssue[]): HeadgateError {
  const lines = issues.map(({ line, column, message }) => `${fileName}:${line}:${column}: ${message}`);
  return new HeadgateError('TENANT_CONFIG_INVALID', lines.join('\n'), { details: { issues } });
}

/** The same of what concerns the file as a whole: it stands at its beginning. */
export function invalidAsWhole(fileName: string, message: string): HeadgateError {
  return invalidFile(fileName, [{ line: 1, column: 1, message }]);
}
