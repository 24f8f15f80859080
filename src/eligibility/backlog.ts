import { HeadgateError } from '../errors.js';
import type { Subjects } from './subjects.js';

/**
 * Why nothing more of a tenant is changed now: memory holds `most` changed subjects that no checkpoint has yet, and the
 * tenant more of them than the mean; at twice as many it is refused whoever it is.
 */
export function backlogRefusal(
  subjects: Pick<Subjects, 'changed' | 'changedTenants' | 'changedOf'>,
  tenant: string,
  most: number,
): HeadgateError | undefined {
  const { changed, changedTenants } = subjects;
  if (changed < most) return undefined;
  if (changed >= 2 * most)
    return comeAgain('OVERLOADED', 'More of the state has changed than is written yet.');
  const own = subjects.changedOf(tenant);
  if (own < changed / changedTenants) return undefined;
  return comeAgain('TENANT_BACKLOG_FULL', `${own} of your subjects have changed and are not written yet.`);
}

/** What is refused for a moment. */
export function comeAgain(code: 'OVERLOADED' | 'TENANT_BACKLOG_FULL', message: string): HeadgateError {
  return new HeadgateError(code, message, { retryable: true, retryAfterSeconds: 1 });
}
