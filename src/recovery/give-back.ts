import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { ErrorCode } from '../errors.js';
import { atOnce } from '../platform/at-once.js';
import { startedBy, type StartedActivity } from './started-by.js';

/** How much was given back. */
export interface GivenBack {
  /** Tasks that Temporal hands out again. */
  readonly tasks: number;
  /** Tasks that could not be reported to Temporal: it did not answer in time. It misses them after their timeout. */
  readonly untold: number;
}

/** Calls to Temporal at once. */
const SIDE_BY_SIDE = 16;
/** For all of it: a start must not wait for a Temporal that does not answer. */
const WITHIN_MS = 5_000;
/** Shown in Temporal's UI as the task's last failure. */
const CODE: ErrorCode = 'NODE_LOST';
const MESSAGE = 'The process that ran this was killed.';
/** Instead of the pause of the retry policy: nothing has to be waited for. */
const AGAIN_AFTER = '100 milliseconds';

/**
 * Tells Temporal at once that a process which has ended will not complete the activity tasks that it held, so that they
 * are handed out again in milliseconds instead of after their heartbeat timeout. Such an attempt counts as one that
 * timed out does. A token names an attempt: those of tasks that have ended, or that somebody else has by now, are
 * refused by Temporal and do no harm.
 */
export function giveBackTokens(client: Client, taskTokens: readonly Uint8Array[]): Promise<GivenBack> {
  return failAll(client, taskTokens);
}

/**
 * The same for what Temporal had handed out to the process in its last moment, and the process had not written down: a
 * bounded search by its identity.
 * @param signal ends the search
 */
export async function giveBackStarted(
  client: Client,
  identity: string,
  signal: AbortSignal,
): Promise<GivenBack> {
  return failAll(client, await startedBy(client, identity, signal));
}

async function failAll(client: Client, tasks: readonly (Uint8Array | StartedActivity)[]): Promise<GivenBack> {
  const failure = ApplicationFailure.create({ message: MESSAGE, type: CODE, nextRetryDelay: AGAIN_AFTER });
  const deadline = Date.now() + WITHIN_MS;
  let [tasksBack, untold] = [0, 0];
  await atOnce(SIDE_BY_SIDE, tasks, async (task) => {
    const told = await client
      .withDeadline(deadline, () => failed(client, task, failure))
      .then(
        () => true,
        (error: unknown) => (error instanceof ActivityNotFoundError ? undefined : false),
      );
    if (told === true) tasksBack++;
    if (told === false) untold++;
  });
  return { tasks: tasksBack, untold };
}

/** The SDK has a signature for each. */
function failed(
  { activity }: Client,
  task: Uint8Array | StartedActivity,
  failure: ApplicationFailure,
): Promise<void> {
  return task instanceof Uint8Array ? activity.fail(task, failure) : activity.fail(task, failure);
}
