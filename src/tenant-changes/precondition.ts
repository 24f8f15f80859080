import { HeadgateError } from '../errors.js';

/** What has to be so before something is changed; see RFC 9110, section 13. */
export interface Precondition {
  /** One of these versions is there; `*`: any. */
  readonly ifMatch?: readonly string[] | '*';
  /** None is there. */
  readonly ifNone?: boolean;
}

/**
 * Asserts that a change may be made to what is there: of two who change the same version, the second is refused. What is
 * there is changed by those alone who say which version they replace.
 * @param current the version that is there, if any
 * @throws HeadgateError `PRECONDITION_REQUIRED`, `PRECONDITION_FAILED` (its details have the version)
 */
export function assertPrecondition(
  { ifMatch, ifNone = false }: Precondition,
  tenant: string,
  current: string | undefined,
): void {
  if (ifNone && current !== undefined)
    throw failed(`Tenant ${tenant} is there already, in version ${current}.`, current);
  if (ifMatch === undefined) {
    if (current === undefined || ifNone) return;
    throw new HeadgateError(
      'PRECONDITION_REQUIRED',
      `Tenant ${tenant} is there already. Say which version the change is of: If-Match: "${current}" for the one that is in force now, or If-Match: * for any.`,
    );
  }
  if (current === undefined) throw failed(`Tenant ${tenant} is not there.`);
  if (ifMatch === '*' || ifMatch.includes(current)) return;
  throw failed(
    `Tenant ${tenant} has version ${current} by now: somebody has changed it. Look at it, and try again.`,
    current,
  );
}

function failed(message: string, version?: string): HeadgateError {
  const details = version === undefined ? {} : { version };
  return new HeadgateError('PRECONDITION_FAILED', message, { details });
}
