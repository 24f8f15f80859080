import type { ErrorText } from './error-text.js';

/** Of commands, and of a node that starts. */
export const COMMAND_ERRORS = {
  CLOCK_WRONG: {
    when: "This machine's clock is further from Temporal's than `HEADGATE_MAX_CLOCK_DIFFERENCE_SECONDS`.",
    todo: 'Set it right (NTP).',
    retry: 'no',
  },
  CONFIG_INVALID: {
    when: 'A variable, an option or a file that it names cannot be used.',
    todo: 'Correct what the message names: it has all of them.',
    retry: 'no',
  },
  DATA_DIR_IN_USE: {
    when: 'Another process uses this data directory.',
    todo: 'Stop the one that the message names, or set `HEADGATE_DATA_DIR` to another directory.',
    retry: 'no',
  },
  DATA_DIR_UNWRITABLE: {
    when: 'This user cannot write to the data directory.',
    todo: 'Permit it, or set `HEADGATE_DATA_DIR` to another directory.',
    retry: 'no',
  },
  FILE_EXISTS: {
    when: 'The file to write is there already.',
    todo: 'Name another, or replace it with `--force`.',
    retry: 'no',
  },
  FILE_UNREADABLE: {
    when: 'A file that a command was given cannot be read, or is not what it should be.',
    todo: 'The message has the file and the reason.',
    retry: 'no',
  },
  FILE_UNWRITABLE: {
    when: 'A file cannot be written where it should be.',
    todo: 'The message has the file and the reason.',
    retry: 'no',
  },
  KEY_MISSING: {
    when: 'There is no development key to sign a token with.',
    todo: 'Start a node once, which makes it, or sign with your own key.',
    retry: 'no',
  },
  NAMESPACE_IN_USE: {
    when: 'The namespace of Temporal belongs to another data directory.',
    todo: 'Set a `TEMPORAL_NAMESPACE` of its own. `headgate namespace show` says whose it is.',
    retry: 'no',
  },
  PERMISSION_DENIED: {
    when: 'A command may not do what it has to.',
    todo: 'Permit what the message names.',
    retry: 'no',
  },
  PORT_IN_USE: {
    when: 'A port is in use.',
    todo: 'Stop what uses it, or set the variable that the message names.',
    retry: 'no',
  },
  PORT_REFUSED: {
    when: 'This user may not listen on the port, or the address is not of this machine.',
    todo: 'Set `HEADGATE_PORT` or `HEADGATE_HOST` to another.',
    retry: 'no',
  },
  QUERY_FAILED: {
    when: "The query failed. The message is DuckDB's.",
    todo: 'Correct the query.',
    retry: 'no',
  },
  QUERY_REFUSED: {
    when: "The query is not one SELECT over the tenant's own tables.",
    todo: 'Ask with one SELECT, without other files or settings.',
    retry: 'no',
  },
  REQUEST_FAILED: {
    when: "The API, or an endpoint, could not be asked, or its answer is no answer of Headgate's.",
    todo: 'Look at the address, and whether a node runs there.',
    retry: 'depends',
  },
  SEARCH_ATTRIBUTES_MISSING: {
    when: 'The namespace lacks search attributes, and Headgate may not add them.',
    todo: 'Run the commands that the message has.',
    retry: 'no',
  },
  SIGNATURE_INVALID: {
    when: 'The webhook was not signed with this secret, or is too old.',
    todo: 'Refuse it. If all are, compare the secrets and the clock.',
    retry: 'no',
  },
  TEMPORAL_NOT_FOUND: {
    when: 'No Temporal server was found, and none could be had.',
    todo: 'The message says what was tried. Install one, or set `TEMPORAL_ADDRESS`.',
    retry: 'no',
  },
  TEMPORAL_START_FAILED: {
    when: "Temporal's server did not start.",
    todo: 'The message has its last lines.',
    retry: 'depends',
  },
  TENANT_CONFIG_INVALID: {
    when: "A tenant's file is wrong, or what is asked does not fit it.",
    todo: 'Correct every place that the message names.',
    retry: 'depends',
  },
  TENANT_ID_INVALID: {
    when: "A tenant's id is not 1 to 63 letters, digits, `_` or `-`.",
    todo: 'Use another id.',
    retry: 'no',
  },
  WAREHOUSE_ELSEWHERE: {
    when: "The tenant's rows are in BigQuery, not in files here.",
    todo: 'Ask BigQuery: the message has the dataset.',
    retry: 'no',
  },
} as const satisfies Record<string, ErrorText>;
