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
  'admin',
] as const;

/** One thing a token may allow; `admin` includes all others within its tenant. */
export type Scope = (typeof SCOPES)[number];

/** Scopes that may be narrowed to one thing by its name: `subscriptions:pull:crm`. */
export const NARROWABLE_SCOPES = ['subscriptions:pull'] as const;
