import {
  anything,
  choice,
  closed,
  count,
  either,
  flag,
  integer,
  list,
  map,
  moment,
  optional,
  text,
} from '../../platform/json-schema.js';
import { CHANGES } from '../../tenants/config/change-history.js';
import { TENANT_ID } from '../../tenants/ids.js';
import { ISOLATIONS } from '../../tenants/queues.js';

/** Path parameter: the tenant that a call manages. */
export const TENANT_IN_PATH = text({
  description: "The tenant's id. It need not be configured.",
  pattern: TENANT_ID.source,
  examples: ['globex'],
});

const VERSION = text({
  description: "Names the tenant's file: a hash of it, 12 hexadecimal digits. `ETag` has it in quotes.",
  examples: ['7d9f2a01c3e4'],
});

/** Why, of a body. */
export const REASON = optional(
  text({ minLength: 1, maxLength: 500, description: "Why; kept in the tenant's history and the audit log." }),
);

/** Why, of a request without a body. */
export const REASON_QUERY = closed({ reason: REASON });

const OBJECT = map(anything(), { description: 'An object.' });

/** Body that creates or replaces a tenant. */
export const TENANT_BODY = closed(
  {
    config: either([text({ description: 'YAML.' }), OBJECT], {
      description: "the tenant's file: its YAML as a text, or an object of the same keys",
    }),
    keepData: flag({
      default: false,
      description: 'Of a new tenant: it goes on with what is kept of an earlier one of its id.',
    }),
    reason: REASON,
  },
  { title: 'TenantChange' },
);

/** Body that creates or replaces a subscription. */
export const SUBSCRIPTION_BODY = closed(
  {
    subscription: map(anything(), {
      description:
        "The subscription, with the keys that it has in the tenant's file. Its name is in the path.",
    }),
    routes: optional(
      list(OBJECT, {
        maxItems: 1_000,
        description:
          'What it gets: routes as in the file, without `to`. They replace those that lead to it alone. Absent: routes stay as they are.',
      }),
    ),
    reason: REASON,
  },
  { title: 'SubscriptionDefinition' },
);

/** A tenant in the list. */
const LISTED = closed({
  tenant: text(),
  version: optional(text({ description: 'The version in force. Absent while its file is not valid.' })),
  isolation: optional(choice(ISOLATIONS)),
  suspended: optional(flag()),
  subscriptions: optional(list(text(), { description: 'Their names.' })),
});

/** A page of tenants. */
export const TENANT_LIST = closed(
  {
    tenants: list(LISTED, { description: 'By id.' }),
    nextAfter: optional(text({ description: '`after` of the next page; absent at the end.' })),
  },
  { title: 'TenantList' },
);

/** Which tenants. */
export const TENANT_LIST_QUERY = closed({
  after: optional(text({ minLength: 1, maxLength: 63, description: 'Ids that come after this one.' })),
  limit: integer({ minimum: 1, maximum: 1_000, default: 100, description: 'Most tenants of a page.' }),
});

/** A tenant's file. */
export const TENANT = closed(
  {
    tenant: text(),
    version: VERSION,
    config: text({
      description:
        'Its YAML. In the place of a literal secret is a fingerprint: put the secret in again to send it back.',
    }),
    inForce: flag({ description: 'Whether this process has this version in force.' }),
  },
  { title: 'Tenant' },
);

/** What became of a change. */
export const TENANT_CHANGED = closed(
  {
    tenant: text(),
    version: optional(text({ description: 'The version from now on; absent once it is deleted.' })),
    change: choice(
      [...CHANGES.filter((each) => /^(tenant|subscription)-/.test(each)), 'unchanged'] as const,
      {
        description: 'What was done.',
      },
    ),
    number: optional(integer({ description: "Of the change in the tenant's history." })),
    inForceAt: optional(
      moment(
        'Since when this process has it in force; others have it within a second. Absent where that takes longer: it is on disk, and will be.',
      ),
    ),
    missingSecrets: optional(
      list(text(), {
        description:
          'Secrets that it refers to and that nobody has made: what is to be delivered with them waits.',
      }),
    ),
  },
  { title: 'TenantChanged' },
);

/** What has been changed of a tenant. */
export const TENANT_HISTORY = closed(
  {
    changes: list(
      closed({
        number: count('Of the change, from 1.'),
        at: moment('When it was made.'),
        change: choice(CHANGES),
        name: optional(text({ description: 'Of the subscription, the secret or the source.' })),
        version: optional(text({ description: "Of the tenant's file from then on." })),
        replaces: optional(text({ description: 'The version before.' })),
        by: text({ description: "The token's subject, or the user who ran a command." }),
        role: choice(['operator', 'command']),
        reason: optional(text()),
      }),
      { description: 'The last one first.' },
    ),
  },
  { title: 'TenantHistory' },
);
