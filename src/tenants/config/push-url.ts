import type { YamlPath } from './yaml-position.js';

/** Pattern of a webhook's address, whose scheme may be in capitals (RFC 3986, 3.1). What follows the scheme is looked at by {@link pushUrlIssues}. */
export const PUSH_URL = '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$';

/** An address that is none, and where it stands. */
export interface PushUrlIssue {
  readonly path: YamlPath;
  readonly message: string;
}

/** Looks for webhooks whose address has the form of one and is none: a port beyond 65535, brackets that are open, a host that cannot be. */
export function pushUrlIssues(raw: unknown): PushUrlIssue[] {
  const { subscriptions } = (raw ?? {}) as { subscriptions?: unknown };
  const all: unknown[] = Array.isArray(subscriptions) ? subscriptions : [];
  return all.flatMap((subscription, index) => {
    const { name, url } = (subscription ?? {}) as { name?: unknown; url?: unknown };
    if (typeof url !== 'string' || !new RegExp(PUSH_URL).test(url) || URL.canParse(url)) return [];
    const path = ['subscriptions', index, 'url'];
    // The address itself may hold a secret.
    const message = `the url of the subscription "${String(name)}" is not an address that can be reached: look at its host and port`;
    return [{ path, message }];
  });
}
