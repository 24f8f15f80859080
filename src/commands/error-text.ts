import { HeadgateError, messageOf, systemCodeOf } from '../errors.js';

/** Of what the system refuses because of who runs Headgate, or where. */
const REFUSALS = ['EACCES', 'EPERM', 'EROFS'];

/**
 * What the CLI says of an error. What Headgate or the system refuses on purpose is one readable message with its code;
 * anything else is a bug and shows its stack.
 */
export function errorText(error: unknown): string {
  if (isHeadgateError(error)) return `${error.message} [${error.code}]`;
  const { path, syscall } = (error ?? {}) as { path?: unknown; syscall?: unknown };
  const code = systemCodeOf(error);
  if (code === 'ENOSPC') return `The disk is full: ${messageOf(error)} [DISK_FULL]`;
  // On a read-only disk, making a directory with those above it says ENOENT.
  const refused = REFUSALS.some((each) => each === code) || (code === 'ENOENT' && syscall === 'mkdir');
  if (refused && typeof path === 'string') return `${messageOf(error)}. ${whoMay(path)} [PERMISSION_DENIED]`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What to do about a path that the user may not read or write. */
export function whoMay(path: string): string {
  const user = process.getuid === undefined ? 'the user that runs Headgate' : `user ${process.getuid()}`;
  return `Let ${user} read and write ${path}, or set HEADGATE_DATA_DIR to another directory.`;
}

/** The server's own class, or the client's, which has the same shape. */
function isHeadgateError(error: unknown): error is { message: string; code: string } {
  return error instanceof HeadgateError || (error instanceof Error && error.name === HeadgateError.name);
}
