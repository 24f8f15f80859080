import { userInfo } from 'node:os';
import type { Config } from '../config.js';
import { signToken } from '../keys/key-set.js';

/** Tokens signed here are valid for this long, and renewed after half of it. */
const VALID_SECONDS = 600;

/**
 * Gives the token of `HEADGATE_TOKEN`, or short-lived ones signed with the development key, renewed as needed.
 * @param tenant whose; undefined: an operator's, for all tenants
 * @param scope space-separated, of signed ones
 */
export function tokenSource(
  config: Config,
  tenant: string | undefined,
  scope: string,
): () => Promise<string> {
  const { token } = config;
  if (token !== undefined) return () => Promise.resolve(token);
  let signed: { token: Promise<string>; until: number } | undefined;
  return () => {
    if (signed === undefined || signed.until < Date.now()) {
      const subject = localUser();
      const { jwtIssuer: issuer, jwtAudience: audience } = config;
      const holder = tenant === undefined ? { role: 'operator' as const } : { tenant };
      const claims = { ...holder, scope, issuer, audience, expiresInSeconds: VALID_SECONDS, subject };
      signed = { token: signToken(config.dataDir, claims), until: Date.now() + VALID_SECONDS * 500 };
    }
    return signed.token;
  };
}

/** Who runs the command: it is kept with what the command changes. */
function localUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry, as in some containers.
    return undefined;
  }
}
