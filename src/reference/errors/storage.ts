import type { ErrorText } from './error-text.js';

/** Of batch files, the state, the warehouse and Temporal: what a node lives on. */
export const STORAGE_ERRORS = {
  BATCH_CORRUPT: {
    when: 'A batch file, or an event in the spool, is not what was written.',
    todo: 'A dead letter says which. Put the file back from a backup and redrive it.',
    retry: 'no',
  },
  BATCH_FORGOTTEN: {
    when: 'Temporal does not know a batch any more.',
    todo: 'Nothing. It is started again from its file, or given up if that is gone. The log says which.',
    retry: 'yes',
  },
  BATCH_ID_TAKEN: {
    when: 'The batch store has other events under the id of a new batch, as after a restored backup.',
    todo: 'Nothing. The new batch gets another id.',
    retry: 'no',
  },
  BATCH_KEY_MISSING: {
    when: 'Batch files or secrets are encrypted, and `HEADGATE_BATCH_KEY` is not set.',
    todo: 'Set it, and restart the node.',
    retry: 'depends',
  },
  BATCH_KEY_WRONG: {
    when: '`HEADGATE_BATCH_KEY` is not the key that the store was begun with.',
    todo: 'Set the right one. `headgate batch-key` changes a store over to another.',
    retry: 'yes',
  },
  BATCH_STORE_REFUSED: {
    when: 'The bucket, or the file that says which store this is, may not be used.',
    todo: 'The message says what to do. What waits is tried again.',
    retry: 'yes',
  },
  BATCH_STORE_UNAVAILABLE: {
    when: 'The bucket does not answer.',
    todo: 'Nothing at first: it is tried again. If it lasts, look at the network and the bucket.',
    retry: 'yes',
  },
  BATCH_UNREACHABLE: {
    when: 'A batch is in another directory or bucket than this process has.',
    todo: 'Give all processes of a namespace the same `HEADGATE_DATA_DIR` and `HEADGATE_BATCHES`.',
    retry: 'yes',
  },
  COMPACTION_RUNNING: {
    when: "Another process compacts the tenant's files.",
    todo: 'Wait until it is done.',
    retry: 'no',
  },
  DISK_FULL: {
    when: 'A disk is full, or nearly (`HEADGATE_MIN_FREE_DISK`).',
    todo: 'Make room. All continues automatically then.',
    retry: 'depends',
  },
  ENGINE_UNAVAILABLE: {
    when: 'Temporal, or the key set that verifies tokens, cannot be reached.',
    todo: 'Try again. If it lasts, look at `TEMPORAL_ADDRESS` or `HEADGATE_JWKS`.',
    retry: 'yes',
  },
  NODE_LOST: {
    when: 'A node was killed. Seen in Temporal alone.',
    todo: 'Nothing. What it did is done again.',
    retry: 'yes',
  },
  PAUSED: {
    when: 'The warehouse is paused, and its loads wait. Seen in Temporal alone.',
    todo: '`headgate subscription resume warehouse` lets them go on.',
    retry: 'yes',
  },
  REPLAY_TOO_LARGE: {
    when: 'The replay would hold too many subjects in memory.',
    todo: 'End its range earlier.',
    retry: 'no',
  },
  SECRET_INVALID: {
    when: 'The secret of a webhook cannot sign or verify.',
    todo: 'Make a new one, as the message says. What is to be delivered waits.',
    retry: 'depends',
  },
  SECRET_MISSING: {
    when: "The variable of a webhook's secret is not set where workers run, or there is no secret of this name.",
    todo: 'Set it and restart them, or make the secret. What is to be delivered waits.',
    retry: 'yes',
  },
  SECRET_REFUSED: {
    when: "The variable of a webhook's secret is not this tenant's.",
    todo: 'Use the name that the message has. What is to be delivered waits.',
    retry: 'yes',
  },
  SHUTTING_DOWN: {
    when: 'The process is ending.',
    todo: 'Try again, at another node or once it is back.',
    retry: 'depends',
  },
  SOURCES_DAMAGED: {
    when: "The file of a tenant's write keys is not what was written.",
    todo: 'Put it back from a backup, or delete it and make the sources again.',
    retry: 'yes',
  },
  STATE_CONFLICT: {
    when: 'What is there is not what was expected: another process has changed it, or it is left from before.',
    todo: 'The message says what it is. Try again, or choose what it offers.',
    retry: 'depends',
  },
  STATE_ELSEWHERE: {
    when: 'A replay with `--apply-current` was not taken up by the process that owns the state.',
    todo: 'Start that API, and then the replay again.',
    retry: 'no',
  },
  AUDIT_LOG_UNAVAILABLE: {
    when: 'The [audit log](../how-to/see-who-did-what.md) cannot be written, so nothing may be changed now.',
    todo: 'Try again. If it lasts, look at the disk of the data directory. The message says whether it was done.',
    retry: 'yes',
  },
  STATE_IN_USE: {
    when: 'Another process decides on the state in this schema of Postgres.',
    todo: 'Stop one of the two, or give it a schema of its own.',
    retry: 'no',
  },
  STATE_REFUSED: {
    when: 'The state may not be used so: another place has it, or Postgres refuses.',
    todo: 'The message says why, and what to set.',
    retry: 'no',
  },
  STATE_UNAVAILABLE: {
    when: 'The state cannot be read or written now.',
    todo: 'Try again. If it lasts, look at Postgres or the disk.',
    retry: 'yes',
  },
  WAREHOUSE_FAILED: {
    when: 'A load or a read of the warehouse failed.',
    todo: 'Loads are tried again. The message has the reason.',
    retry: 'depends',
  },
  WAREHOUSE_QUOTA: {
    when: "BigQuery's quotas are used up for now.",
    todo: 'Nothing. Loads continue automatically. Longer windows, or a project of its own, make room.',
    retry: 'yes',
  },
  WAREHOUSE_REFUSED: {
    when: 'BigQuery refuses what no retry helps with. The subscription `warehouse` is paused with the reason.',
    todo: 'Correct what the reason names, then `headgate subscription resume warehouse`.',
    retry: 'yes',
  },
  WAREHOUSE_UNAVAILABLE: {
    when: 'BigQuery does not answer.',
    todo: 'Nothing. It is tried again.',
    retry: 'yes',
  },
} as const satisfies Record<string, ErrorText>;
