/** Why an event of a request was not taken: `code` of its result. The others of the request are taken. */
export const REJECTIONS = {
  unreadable: 'It is not JSON, or not an object.',
  invalid_attribute: 'An attribute of the CloudEvent is missing, unknown in its form, or too long.',
  invalid_data:
    '`data` is not what it may be, or has a number, a key or a text that cannot be kept as it is.',
  too_large: 'The event has more than 256 KB.',
  time_out_of_range: '`time` is before 1970, or more than 24 hours ahead.',
  schema_violation: "The data does not fit the event's schema; `pointer` says where.",
  type_not_allowed: 'The source may not send events of this type, or the token no user properties.',
  profile_full: "The subject's profile would have more than 2,000 properties or 256 KB.",
} as const satisfies Record<string, string>;

/** Why events became dead letters: `reason` of a dead letter. A stable code: people filter by it. */
export const DEAD_REASON_TEXTS: Readonly<Record<string, string>> = {
  'attempts-exhausted': "Every attempt of the subscription's retry schedule has failed.",
  'never-acknowledged':
    'They were handed to consumers as often as the subscription allows, and never acknowledged.',
  undeliverable:
    'They can never be delivered: a template of a workflow subscription fails on them, or they are too large.',
  'workflow-full':
    'The run that they are for has had as many signals as Temporal lets a run have, and must continue as new first.',
  loop: 'They have passed through more subscribers than is allowed: these answer each other in a circle.',
  expired:
    'They were not delivered within the retention of their batch, as when the subscription was paused for long.',
  'subscription-removed': "The subscription was removed from the tenant's file while they waited for it.",
  'spool-damaged':
    'Of `ingest`: the disk has damaged them before they were in a batch. Nothing can be redriven.',
  'start-refused':
    'Of `ingest`: Temporal refuses the workflow of their batch for good, or has another under its id.',
  'row-unloadable':
    'Of `warehouse`: no load can take these rows. The rest of their batch is loaded without them.',
  'batch-unreadable':
    'Of `warehouse`: the file of the batch is gone or damaged. The rest of its window is loaded.',
};

/** Why an expression gave no value: `code` of a failure, and a label of metrics. */
export const FAULTS = {
  MISSING: 'A field or a property that it asks for is not there.',
  NO_OVERLOAD: 'An operator or a function does not take values of these types.',
  OUT_OF_RANGE: 'A number, a time or a place in a list is beyond what there may be.',
  DIVIDE_BY_ZERO: 'It divides an int or a uint by zero, or takes the remainder of that.',
  INVALID_VALUE:
    'A value cannot be what it is to be, as a text that is no timestamp, or a text to be summed.',
  TOO_COSTLY: 'It took more steps than an expression may.',
} as const satisfies Record<string, string>;
