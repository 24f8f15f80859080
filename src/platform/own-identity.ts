/** What the identities of Headgate's own processes begin with, as Temporal records them in histories. */
const OWN = 'headgate:';

/** What processes called themselves before: process, host and sixteen hexadecimal digits. */
const EARLIER = /^\d+@.+\/[0-9a-f]{16}$/;

/**
 * How a process of Headgate calls itself to Temporal. Any client of Temporal can call itself so too: Temporal checks no
 * identity.
 * @param process `pid@host`, and what else tells it apart
 */
export function ownIdentity(process: string): string {
  return OWN + process;
}

/** Whether what an event of a history was caused by says that it is Headgate. */
export function isOwnIdentity(identity: string): boolean {
  return identity.startsWith(OWN) || identity === 'headgate' || EARLIER.test(identity);
}
