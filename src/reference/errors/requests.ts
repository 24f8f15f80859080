import type { ErrorText } from './error-text.js';

/** Of requests to the API, and of the tenants and tokens that send them. */
export const REQUEST_ERRORS = {
  ADDRESS_RATE_LIMITED: {
    when: 'Too many requests without a good token came from this address.',
    todo: 'Wait for `Retry-After`. Requests with a good token pass meanwhile.',
    retry: 'yes',
  },
  BODY_MALFORMED: {
    when: 'The body is not what the route takes, or what a webhook should be.',
    todo: 'Correct what the message names.',
    retry: 'no',
  },
  BODY_TIMEOUT: {
    when: 'The body came too slowly.',
    todo: 'Send it again, on a faster connection or in smaller requests.',
    retry: 'yes',
  },
  BODY_TOO_LARGE: {
    when: 'The body has too many bytes or events.',
    todo: 'Send fewer at a time: `maxBytes` or `maxEvents` in the answer is the limit.',
    retry: 'no',
  },
  BUDGET_REACHED: {
    when: 'The tenant has used its budget of the day or the month, and its file says `cap: true`.',
    todo: 'Wait until `opensAt` in the answer, or raise `budget` in its file.',
    retry: 'yes',
  },
  CONTENT_ENCODING_UNSUPPORTED: {
    when: 'The body has a `Content-Encoding` other than gzip.',
    todo: 'Use gzip, or none.',
    retry: 'no',
  },
  CONTENT_TYPE_UNSUPPORTED: {
    when: 'The route does not take the `Content-Type` of the body.',
    todo: 'Use one of those that the message lists.',
    retry: 'no',
  },
  DEAD_LETTER_RESOLVED: {
    when: 'The dead letter has been redriven or discarded already.',
    todo: 'Nothing. The answer says which, and by whom.',
    retry: 'no',
  },
  DEAD_LETTER_UNREADABLE: {
    when: "The dead letter's events are damaged: nothing is left to deliver.",
    todo: 'Discard it, and have the events sent again.',
    retry: 'no',
  },
  EVENT_NOT_FOUND: {
    when: 'No event that is kept has this id; `searched` says from which day on batches are kept.',
    todo: 'Check the id, and that the token is of the tenant that sent it.',
    retry: 'no',
  },
  EVENT_SEARCH_UNFINISHED: {
    when: 'Not found so far, and there are more batches or waiting events than one request looks at.',
    todo: 'Wait for `Retry-After`, then ask again: batches are indexed meanwhile.',
    retry: 'yes',
  },
  LEASE_STALE: {
    when: 'Some of the events have been given to another consumer since, or are done with.',
    todo: 'Go on with the others: `results` says which these are.',
    retry: 'no',
  },
  METHOD_NOT_ALLOWED: {
    when: 'The path does not know this method.',
    todo: 'Use one of those in the header `Allow`.',
    retry: 'no',
  },
  NOT_FOUND: {
    when: 'The tenant has nothing of this name or id, or it is not kept any more.',
    todo: 'Check the id, and that the token is of the tenant whose it is.',
    retry: 'no',
  },
  NOTHING_ACCEPTED: {
    when: 'No event of the request could be taken.',
    todo: 'Correct the events: `results` says why, event by event.',
    retry: 'no',
  },
  OPERATOR_ONLY: {
    when: 'The route is for operators, and the token is of a tenant.',
    todo: 'Use a token with `role: "operator"`.',
    retry: 'no',
  },
  ORIGIN_NOT_ALLOWED: {
    when: 'The page that sends is not of an origin that the source allows.',
    todo: 'Add the origin to the source, or use the key of another.',
    retry: 'no',
  },
  OVERLOADED: {
    when: 'This node has as much to do as it can.',
    todo: 'Wait for `Retry-After`, then send it again.',
    retry: 'yes',
  },
  PAGE_TOKEN_INVALID: {
    when: 'The page token is of another list, or was changed.',
    todo: 'Begin with the first page.',
    retry: 'no',
  },
  PARAMETER_INVALID: {
    when: 'A query parameter, or an option of a command, is unknown or wrong.',
    todo: 'Correct what the message names.',
    retry: 'no',
  },
  PRECONDITION_FAILED: {
    when: 'What is to be changed has another version than `If-Match` says: somebody has changed it meanwhile.',
    todo: 'Look at what it is now, and change that. `version` in the answer is the one it has.',
    retry: 'no',
  },
  PRECONDITION_REQUIRED: {
    when: 'Something that is there was to be changed without `If-Match`.',
    todo: 'Send the version that it has, as the message says.',
    retry: 'no',
  },
  REPLAY_INVALID: {
    when: 'The replay that was asked for cannot be.',
    todo: 'The message says why: correct the range, the rules or the target.',
    retry: 'no',
  },
  RULES_UNKNOWN: {
    when: 'The tenant has no version of its rules of this name.',
    todo: '`headgate tenant versions` lists those that there are.',
    retry: 'no',
  },
  SCOPE_MISSING: {
    when: 'The token lacks the scope that the route asks for.',
    todo: 'Get a token with the scope that the message names.',
    retry: 'no',
  },
  SUBSCRIPTION_BUILT_IN: {
    when: 'Every tenant has this subscription, and it cannot be changed so.',
    todo: 'The message says what can be done instead.',
    retry: 'no',
  },
  SOURCE_UNKNOWN: {
    when: 'There is no source of this name, or no such tenant.',
    todo: "Compare the address with `sources` in the tenant's file.",
    retry: 'no',
  },
  SOURCE_UNVERIFIABLE: {
    when: "A secret of the source is not set in this process, is not there, or is not of its sender's kind.",
    todo: 'The line `WEBHOOKS_NOT_VERIFIED` of the log says which. Set it or make it; senders try again.',
    retry: 'yes',
  },
  TENANT_BACKLOG_FULL: {
    when: "Too much of the tenant's waits: events in the spool, loads, or changed subjects.",
    todo: 'Wait for `Retry-After`, which follows from how fast it drains.',
    retry: 'yes',
  },
  TENANT_ERASED: {
    when: "The tenant's key was deleted: nothing of its batches can be read.",
    todo: 'Nothing. The erasure is meant to be final.',
    retry: 'no',
  },
  TENANT_IN_FLIGHT_FULL: {
    when: "Too much of the tenant's, or the operator's, is under way at once: bytes, requests, consumers, exports or replays.",
    todo: 'Wait for `Retry-After`, and do less at once.',
    retry: 'yes',
  },
  TENANT_OUT_OF_REACH: {
    when: 'The header `Headgate-Tenant` names a tenant that the token is not for.',
    todo: "Name a tenant of the token's; a tenant's own token needs no header.",
    retry: 'no',
  },
  TENANT_RATE_LIMITED: {
    when: "The tenant's rate is used up (`limits` in its file), or the operator's own.",
    todo: 'Wait for `Retry-After`. The headers `RateLimit` and `RateLimit-Policy` tell what is left.',
    retry: 'yes',
  },
  TENANT_REQUIRED: {
    when: 'An operator has not said which tenant the call is about, or not by a tenant id.',
    todo: 'Send the header `Headgate-Tenant: <tenant>`.',
    retry: 'no',
  },
  TENANT_SUSPENDED: {
    when: "The tenant's file says `suspended: true`.",
    todo: 'Ask the operator.',
    retry: 'no',
  },
  TENANT_UNKNOWN: {
    when: 'No tenant of this id is configured here, or a start has left its file out as invalid.',
    todo: '`headgate doctor` names invalid files. Apply the file: `headgate tenant apply`.',
    retry: 'depends',
  },
  TOKEN_EXPIRED: { when: 'The token has expired.', todo: 'Get a new one.', retry: 'no' },
  TOKEN_INVALID: {
    when: "The token's form, signature, key or a claim is wrong.",
    todo: 'The message says which.',
    retry: 'no',
  },
  TOKEN_MISSING: {
    when: 'The request has no token.',
    todo: 'Send `Authorization: Bearer <token>`.',
    retry: 'no',
  },
  TOKEN_REVOKED: {
    when: 'The token was revoked (`HEADGATE_REVOCATIONS`), maybe while a request waited.',
    todo: 'Get a new one.',
    retry: 'no',
  },
  WORKFLOW_FOREIGN: {
    when: "Another workflow has the id of one of Headgate's.",
    todo: 'Delete that workflow, which the message names, and try again.',
    retry: 'yes',
  },
  WRITE_KEY_INVALID: {
    when: 'The write key is not known, or was revoked.',
    todo: 'Use a key of the source: `headgate source list` shows which there are.',
    retry: 'no',
  },
  WRITE_KEYS_LOADING: {
    when: 'The node has just started, and has not read all write keys yet.',
    todo: 'Wait for `Retry-After`, then send it again.',
    retry: 'yes',
  },
} as const satisfies Record<string, ErrorText>;
