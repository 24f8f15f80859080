/** What a token may allow. */
export const SCOPES = [
  'events:write',
  'events:read',
  'user-properties:write',
  'decisions:read',
  'batches:read',
  'replays:read',
  'replays:write',
  'dead-letters:read',
  'dead-letters:write',
  'subscriptions:pull',
  'subscriptions:read',
  'subscriptions:write',
  'status:read',
  'usage:read',
  'audit-log:read',
  'tenants:read',
  'tenants:write',
  'admin',
] as const;

/** One thing a token may allow; `admin` includes all others within its tenant. */
export type Scope = (typeof SCOPES)[number];

/** Scopes that operators alone may hold: no call of a tenant's own token asks for them. */
export const OPERATOR_SCOPES: readonly Scope[] = ['tenants:read', 'tenants:write'];

/** Scopes that may be narrowed to one thing by its name: `subscriptions:pull:crm`. */
export const NARROWABLE_SCOPES = ['subscriptions:pull'] as const;
