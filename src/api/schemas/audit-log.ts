import {
  choice,
  closed,
  count,
  integer,
  list,
  map,
  moment,
  optional,
  text,
  type Wire,
} from '../../platform/json-schema.js';
import { time } from './dead-letters.js';

const ENTRY = closed(
  {
    id: text({ description: 'Hash of its line in the log.' }),
    at: moment('When it was done.'),
    act: text({
      description:
        'The `operationId` of a call, the name of a command, or what Headgate has done in its log itself (`audit-log.…`).',
      examples: ['pauseSubscription'],
    }),
    kind: choice(['changes', 'reads']),
    tenant: optional(text({ description: 'Whom it was about.' })),
    subject: optional(text({ description: "Who it was: the token's `sub`, or a user of the node." })),
    role: choice(['tenant', 'operator', 'command', 'temporal', 'headgate', 'unknown'], {
      description:
        "As who: by a tenant's or an operator's token, a command at the node, Temporal's own tools, or Headgate itself. `unknown`: without a good token.",
    }),
    address: optional(
      text({ description: "From where. Only operators see it where it is not a tenant's token." }),
    ),
    forwardedFor: optional(text({ description: '`X-Forwarded-For` as it was sent; nobody has checked it.' })),
    params: optional(map(text(), { description: 'Parameters of the path, or of the command.' })),
    reason: optional(text({ description: 'Why, as who did it says.' })),
    made: optional(text({ description: 'The id of what it has made.' })),
    outcome: choice(['ok', 'refused', 'failed']),
    code: optional(text({ description: 'The code of the error.' })),
    count: optional(count('The number of acts that it stands for, from `since` to `at`.')),
    since: optional(moment('When the first of them came.')),
  },
  { title: 'AuditLogEntry', description: 'An act: who did what.' },
);

/** An entry as the API gives it. */
export type AuditLogEntry = Wire<typeof ENTRY>;

/** A page of the audit log. */
export const AUDIT_LOG_PAGE = closed(
  {
    entries: list(ENTRY, {
      description: 'The oldest first. There may be none, and further pages all the same.',
    }),
    nextPageToken: optional(text({ description: 'Absent at the end.' })),
  },
  { title: 'AuditLogPage' },
);

/** Which entries. */
export const AUDIT_LOG_QUERY = closed({
  from: optional(time('Done then or later.')),
  to: optional(time('Done before.')),
  subject: optional(text({ minLength: 1, maxLength: 200, description: 'Done by this subject.' })),
  act: optional(text({ minLength: 1, maxLength: 100, description: 'This act alone.' })),
  kind: optional(choice(['changes', 'reads'], { description: 'Acts of this kind alone.' })),
  limit: integer({ minimum: 1, maximum: 1_000, default: 100, description: 'Most entries of a page.' }),
  pageToken: optional(
    text({
      minLength: 1,
      maxLength: 500,
      description: '`nextPageToken` of the page before, with the same filters.',
    }),
  ),
});
