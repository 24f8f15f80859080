import { makeDevelopmentKeys, signToken } from '../../src/keys/key-set.js';
import type { LoadTenant } from '../load/spec.js';

const SCOPES = [
  'events:write',
  'decisions:read',
  'subscriptions:read',
  'subscriptions:write',
  'subscriptions:pull',
  'dead-letters:read',
  'dead-letters:write',
  'replays:read',
  'replays:write',
  'user-properties:write',
];
const DAY_SECONDS = 24 * 60 * 60;

/** A token for each tenant, signed with the development key of a data directory. */
export async function signTokens(dataDir: string, tenants: readonly string[]): Promise<LoadTenant[]> {
  await makeDevelopmentKeys(dataDir);
  const claims = {
    scope: SCOPES.join(' '),
    issuer: 'headgate',
    audience: 'headgate',
    expiresInSeconds: DAY_SECONDS,
  };
  return Promise.all(
    tenants.map(async (tenant) => ({ tenant, token: await signToken(dataDir, { tenant, ...claims }) })),
  );
}
