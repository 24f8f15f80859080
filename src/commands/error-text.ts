import { HeadgateError, messageOf, systemCodeOf } from '../errors.js';

/** Of what the system refuses because of who runs Headgate, or where. */
const REFUSALS = ['EACCES', 'EPERM', 'EROFS'];

/**
 * What the CLI says of an error. What Headgate or the system refuses on purpose is one readable message with its code;
 * anything else is a bug and shows its stack.
 */
export function errorText(error: unknown): string {
  if (isHeadgateError(error)) {
    const { message, code, cause } = error;
    // What says no more than the system did is told what to do about it as well.
    const path = messageOf(cause) === message ? refusedPath(cause) : undefined;
    return path === undefined ? `${message} [${code}]` : `${message}. ${whoMay(path)} [${code}]`;
  }
  if (systemCodeOf(error) === 'ENOSPC') return `The disk is full: ${messageOf(error)} [DISK_FULL]`;
  const path = refusedPath(error);
  if (path !== undefined) return `${messageOf(error)}. ${whoMay(path)} [PERMISSION_DENIED]`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The path that the system has refused; undefined for any other error. */
function refusedPath(error: unknown): string | undefined {
  const { path, syscall } = (error ?? {}) as { path?: unknown; syscall?: unknown };
  const code = systemCodeOf(error);
  // On a read-only disk, making a directory with those above it says ENOENT.
  const refused = REFUSALS.some((each) => each === code) || (code === 'ENOENT' && syscall === 'mkdir');
  return refused && typeof path === 'string' ? path : undefined;
}

/** What to do about a path that the user may not read or write. */
export function whoMay(path: string): string {
  const user = process.getuid === undefined ? 'the user that runs Headgate' : `user ${process.getuid()}`;
  return `Let ${user} read and write ${path}, or set HEADGATE_DATA_DIR to another directory.`;
}

/** The server's own class, or the client's, which has the same shape. */
function isHeadgateError(error: unknown): error is { message: string; code: string; cause?: unknown } {
  return error instanceof HeadgateError || (error instanceof Error && error.name === HeadgateError.name);
}
