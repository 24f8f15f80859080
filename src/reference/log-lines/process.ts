import type { LineText } from './line-text.js';

const LIFE = 'starting-and-stopping.md';

/** Of the process itself, the data directory, and Temporal. */
export const PROCESS_LINES = {
  READY: { level: 'info', phrase: 'ready', means: 'The process does its work from now on.' },
  STOPPED: { level: 'info', phrase: 'stopped', means: 'The process was asked to stop, and has drained.' },
  STOPPED_BEFORE_READY: {
    level: 'info',
    phrase: 'stopped before it was ready',
    means: 'The process was asked to stop while it started.',
  },
  SHUTDOWN_CUT_OFF: {
    level: 'warn',
    phrase: 'grace time over before everything ended; the next start continues',
    means: 'The process was asked to stop and had too much to do. Nothing is lost.',
    todo: 'Nothing. A longer `HEADGATE_SHUTDOWN_GRACE_SECONDS` avoids it.',
    page: `${LIFE}#shutdown_cut_off`,
  },
  TRACES_NOT_SENT: {
    level: 'warn',
    phrase: 'traces are not taken by their receiver; spans are lost',
    means:
      'What is at `OTEL_EXPORTER_OTLP_ENDPOINT` is away or refuses spans. Events go on. It is said once.',
    todo: 'Look at `reason`, and whether the receiver takes OTLP over HTTP there.',
    page: `${LIFE}#traces_not_sent`,
  },
  TRACES_SENT_AGAIN: {
    level: 'info',
    phrase: 'traces are taken again',
    means: 'The receiver of traces takes spans again.',
  },
  VARIABLE_UNKNOWN: {
    level: 'warn',
    phrase: 'unknown variable ignored',
    means: 'The environment has a `HEADGATE_…` variable that Headgate does not know.',
    todo: 'Correct its name, or take it out.',
    page: `${LIFE}#variable_unknown`,
  },
  DATA_DIRECTORY_OPEN: {
    level: 'warn',
    phrase: 'the data directory can be read by other users',
    means: 'Its permissions could not be changed: it belongs to another user.',
    todo: '`chmod 700` it.',
    page: 'doctor-data-directory.md',
  },
  DATA_DIRECTORY_MOVED: {
    level: 'info',
    phrase: 'the data directory or its batches moved; the claim of the namespace moves with them',
    means: 'It was moved, restored or mounted elsewhere.',
  },
  NAMESPACE_CLAIMED_AGAIN: {
    level: 'warn',
    phrase: 'the namespace had no owner and was claimed again',
    means: 'The claim was deleted in Temporal.',
    todo: 'Find who deleted it. See that no other data directory uses the namespace.',
    page: 'doctor-namespace.md',
  },
  NAMESPACE_LOST: {
    level: 'error',
    phrase: 'the namespace has another owner; this process stops',
    means: 'Another data directory, or a copy of this one, has claimed it.',
    todo: 'Decide which may use it.',
    page: 'doctor-namespace.md',
  },
  CLOCK_COMPARED: {
    level: 'info',
    phrase: "clock compared with Temporal's",
    means: 'They are at most 2 s apart.',
  },
  CLOCK_OFF: {
    level: 'warn',
    phrase: "clock differs from Temporal's",
    means: 'They are more than 2 s apart.',
    todo: 'Synchronise the clock.',
    page: 'doctor-clock.md',
  },
  TASKS_GIVEN_BACK: {
    level: 'info',
    phrase: 'tasks of a killed process given back',
    means: 'A process was killed, and Temporal hands out its tasks again at once.',
  },
  TASKS_NOT_WRITTEN: {
    level: 'warn',
    phrase: 'the tasks of this process cannot be written down; after a crash they come back later',
    means: 'The journal of tasks cannot be written.',
    todo: 'Look at the disk.',
    page: 'doctor-disk.md',
  },
  INTERNAL_ERROR: {
    level: 'error',
    phrase: 'request failed with an internal error',
    means: 'A request was answered 500: nobody expected this error.',
    todo: 'Report it, with `err`.',
    page: 'unexpected-errors.md',
  },
  WORKER_FAILED: {
    level: 'error',
    phrase: 'a worker ended with an error; this process stops',
    means: "Temporal's SDK gave a worker up.",
    todo: 'Look at `reason` and at Temporal, and start the process again.',
    page: 'unexpected-errors.md',
  },
  TEMPORAL_SDK: {
    level: ['debug', 'warn', 'error'],
    phrase: "Temporal's SDK",
    means:
      "A line of Temporal's own; `message` is what it says. The same line of the same activity and queue is logged once a minute; `repeated` says how many more there were.",
    todo: 'Look at `code` and `reason` if there are some, else at Temporal.',
    page: 'temporal-away.md',
  },
  SDK_METRICS_LOST: {
    level: 'warn',
    phrase: "values of Temporal's SDK are missing in the metrics",
    means:
      "The buffer of what Temporal's SDK measures was full once, and does not give all of it since. The metrics `temporal_…` are too low until the process starts again; all else goes on.",
    todo: 'Start the process again when it suits. If it comes again, report it, with the number of tenants.',
    page: 'unexpected-errors.md',
  },
  TEMPORAL_SERVER_PROGRESS: {
    level: 'info',
    phrase: "getting Temporal's development server",
    means: 'It is downloaded or built once. `progress` says how far it is.',
  },
  TEMPORAL_SERVER_OPEN: {
    level: 'warn',
    phrase: "Temporal's development server has no access control; set TEMPORAL_ADDRESS in production",
    means: 'Any user who reaches these addresses of this machine can read and change everything.',
    todo: 'In production, set `TEMPORAL_ADDRESS`.',
    page: `${LIFE}#temporal_server_open`,
  },
  TEMPORAL_SERVER_ENDED: {
    level: 'error',
    phrase: "Temporal's development server ended; starting it again",
    means: 'It has died or was killed. `message` is the end of its log.',
    todo: 'Nothing at first. If it goes on, look at memory and disk.',
    page: `${LIFE}#temporal_server_ended`,
  },
  TEMPORAL_SERVER_NOT_STARTED: {
    level: 'error',
    phrase: "Temporal's development server could not be started again; retrying",
    means: 'Events wait in the spool meanwhile.',
    todo: 'Look at `reason`.',
    page: `${LIFE}#temporal_server_not_started`,
  },
  TEMPORAL_SERVER_BACK: {
    level: 'info',
    phrase: "Temporal's development server is back",
    means: 'It was started again.',
  },
} as const satisfies Record<string, LineText>;
