import { PROBLEM_KINDS } from '../../status/report.js';
import {
  choice,
  closed,
  count,
  flag,
  integer,
  list,
  moment,
  number,
  optional,
  text,
} from '../../platform/json-schema.js';

/** Query of `/v1/status`. */
export const STATUS_QUERY = closed({
  limit: integer({ minimum: 0, maximum: 1_000, default: 50, description: 'Most problems.' }),
});

const SECONDS = number({ description: 'For how long the oldest has waited.', minimum: 0 });

const UNDELIVERED = closed(
  {
    batches: count('Batches on their way to subscriptions.'),
    events: count('Events of those batches. One that is delivered in part counts as a whole.'),
    windows: count('Load windows that have not loaded.'),
    oldestSeconds: SECONDS,
  },
  { title: 'Undelivered', description: 'What waits to be delivered or loaded.' },
);

const PROBLEM = closed(
  {
    level: choice(['failing', 'held', 'notice'], {
      description:
        '`failing`: somebody should look. `held`: a person has wanted it so. `notice`: it works, and costs much.',
    }),
    kind: choice(PROBLEM_KINDS),
    tenant: optional(text({ description: 'Absent where it concerns all.' })),
    subscription: optional(text()),
    since: optional(moment('Since when, where that is known.')),
    asOf: optional(moment('When this was asked, where that was long before the rest.')),
    undelivered: optional(UNDELIVERED),
    lastError: optional(text({ description: 'In the words of the receiver, or of the warehouse.' })),
    what: text({ description: 'What is wrong, in one line.' }),
    command: optional(text({ description: 'The command to go on with.' })),
    page: text({ description: 'The page of the runbook to go on with.' }),
  },
  { title: 'StatusProblem' },
);

const NODE = closed(
  {
    spool: closed({
      bytes: count('What is used of it, of all tenants.'),
      limitBytes: count('What it may grow to.'),
      oldestSeconds: SECONDS,
    }),
    disks: list(closed({ name: text({ description: 'What is on it.' }), freeBytes: number() })),
    diskReserveBytes: count('What is to stay free on each disk.'),
  },
  { description: 'What all tenants share; for operators.' },
);

/** What `/v1/status` answers. */
export const STATUS = closed(
  {
    verdict: choice(['well', 'failing', 'unknown'], {
      description:
        '`unknown`: nothing is known to fail, and Temporal has not said how subscriptions stand. What a person has stopped fails nothing.',
    }),
    at: moment('When this was answered.'),
    lookedAt: optional(moment('When Temporal was asked what waits; absent while that is not known.')),
    oldestLookAt: optional(
      moment(
        'When the subscription was asked how it stands that was asked longest ago; absent until all have been.',
      ),
    ),
    temporal: closed({
      reachable: flag(),
      since: moment('Since when it has been so; at the longest since the process started.'),
    }),
    tenants: count('Tenants that the answer is about.'),
    tenantsFailing: count('Those of which something fails.'),
    subscriptions: count('Subscriptions of these tenants, their warehouses among them.'),
    undelivered: UNDELIVERED,
    backlog: closed(
      { bytes: count('What waits in the spool to become a batch.'), oldestSeconds: SECONDS },
      { description: 'Events of these tenants that Temporal does not have yet.' },
    ),
    node: optional(NODE),
    problems: list(PROBLEM, { description: 'What is wrong, the worst first.' }),
    moreProblems: count('Problems that were left out.'),
  },
  { title: 'Status' },
);
