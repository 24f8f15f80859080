import { SEARCHED_PERIOD } from './schemas/event-history.js';
import { closed, list, text, integer, optional, type Properties } from '../platform/json-schema.js';
import type { ErrorCode } from '../errors.js';
import type { RouteShape } from './route.js';
import { BY } from './schemas/dead-letters.js';
import { NOTHING_ACCEPTED_DETAILS } from './schemas/events.js';
import { SETTLED } from './schemas/pull.js';

/** Of every route. */
const ALWAYS = ['SHUTTING_DOWN'] as const;

/** Of routes that need a token: what the guard says, in its order. */
const GUARDED = [
  'TOKEN_MISSING',
  'TOKEN_INVALID',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'TENANT_OUT_OF_REACH',
  'TENANT_REQUIRED',
  'SCOPE_MISSING',
  'TENANT_UNKNOWN',
  'TENANT_SUSPENDED',
  'ADDRESS_RATE_LIMITED',
  'TENANT_RATE_LIMITED',
  'TENANT_IN_FLIGHT_FULL',
  'OVERLOADED',
  'ENGINE_UNAVAILABLE',
] as const;

/** Of those of them that take write keys, too. */
const WITH_KEYS = ['WRITE_KEY_INVALID', 'WRITE_KEYS_LOADING', 'ORIGIN_NOT_ALLOWED'] as const;

/** Of those of them that change something. */
const CHANGING = ['AUDIT_LOG_UNAVAILABLE'] as const;

const FOR_OPERATORS = ['OPERATOR_ONLY'] as const;

const WITH_QUERY = ['PARAMETER_INVALID'] as const;

const WITH_BODY = [
  'BODY_MALFORMED',
  'BODY_TIMEOUT',
  'BODY_TOO_LARGE',
  'CONTENT_ENCODING_UNSUPPORTED',
] as const;

/** Every code of an error that a route may answer, each once. */
export function errorsOf({
  scope,
  audience,
  method,
  act,
  query,
  body,
  tenantIn,
  writeKeys,
  errors = [],
}: RouteShape): ErrorCode[] {
  const codes: readonly ErrorCode[] = [
    ...(scope === undefined ? [] : GUARDED),
    ...(writeKeys === true ? WITH_KEYS : []),
    ...(audience === 'operator' ? FOR_OPERATORS : []),
    ...(scope !== undefined && act === undefined && method !== 'GET' ? CHANGING : []),
    ...(query === undefined && tenantIn === undefined ? [] : WITH_QUERY),
    ...(body === undefined ? [] : WITH_BODY),
    ...errors,
    ...ALWAYS,
  ];
  return [...new Set(codes)];
}

/** What problems of some codes have beside what all have. */
export const PROBLEM_DETAILS: Partial<Record<ErrorCode, Properties>> = {
  BODY_TOO_LARGE: {
    maxBytes: optional(integer({ description: 'Most bytes of a body, inflated.' })),
    maxEvents: optional(integer({ description: 'Most events of a request.' })),
  },
  DEAD_LETTER_RESOLVED: {
    outcome: text({ description: 'What became of it.' }),
    by: optional(BY),
  },
  EVENT_NOT_FOUND: { searched: SEARCHED_PERIOD },
  LEASE_STALE: SETTLED,
  PRECONDITION_FAILED: { version: optional(text({ description: 'The version that is there.' })) },
  TENANT_CONFIG_INVALID: {
    issues: optional(
      list(closed({ line: integer(), column: integer(), message: text() }), {
        description: 'What is wrong, and where; lines and columns count from 1.',
      }),
    ),
  },
  NOTHING_ACCEPTED: NOTHING_ACCEPTED_DETAILS,
};
