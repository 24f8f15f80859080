import {
  ActivityCancelledError,
  ActivityNotFoundError,
  ActivityPausedError,
  ActivityResetError,
  isGrpcDeadlineError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { HeadgateError, messageOf } from '../errors.js';
import type { HeldTasks } from '../recovery/journal.js';
import { entriesOfAttempt, type ActivityAttempt } from '../stores/usage/entries.js';
import type { UsageRecorder } from '../stores/usage/recorder.js';
import { subscriptionQueue } from '../tenants/queues.js';
import type { PassInput, PassResult } from '../workflows/messages/deliveries.js';
import type { LeasedBatchRecord } from './lease-table.js';

/** What Temporal says to a sign of life. */
type HeartbeatAnswer =
  /** The leased batch is this process's still. */
  | 'held'
  /** Recorded, but the leased batch is wanted back: its activity is paused, reset or called off. */
  | 'recalled'
  /** It is not: somebody else has it, or its workflow has ended. Nothing was recorded. */
  | 'lost';

/** A pass that this process has taken from Temporal, and must hold on to or give back. */
export interface HeldPass {
  readonly input: PassInput;
  /** What the holder before had recorded last, if there was one. */
  readonly record?: LeasedBatchRecord;
  /** Records and keeps the pass for another 30 s. @throws HeadgateError `ENGINE_UNAVAILABLE`: whether it was is unknown */
  heartbeat(record: LeasedBatchRecord): Promise<HeartbeatAnswer>;
  /** Ends the pass; false if it was lost. @throws HeadgateError `ENGINE_UNAVAILABLE`: whether it has ended is unknown */
  complete(result: PassResult): Promise<boolean>;
  /** Gives the pass back as failed: Temporal hands it out again after a pause. */
  fail(error: unknown): Promise<void>;
}

/** Where leased batches come from. */
export interface LeasedBatchSource {
  /** Waits a few seconds for a pass of the subscription. Undefined when none has come. */
  poll(tenant: string, subscription: string): Promise<HeldPass | undefined>;
}

/**
 * How long a poll lasts; the server answers a second before. It cannot be called off (the SDK's connection does not know
 * how, and a leased batch that is on its way would be held by nobody for 30 s), so this is also what a shutdown waits for.
 */
const POLL_MS = 6_000;
/** A call that answers a consumer must not hang. */
const CALL_MS = 5_000;

/** What {@link createLeasedBatchSource} needs. */
export interface LeasedBatchSourceOptions {
  readonly client: Client;
  readonly namespace: string;
  /** Notes what is held. Default: nobody does. */
  readonly holdings?: HeldTasks;
  /** Counts what passes come to. Default: nobody does. */
  readonly usage?: Pick<UsageRecorder, 'count'>;
}

/**
 * Takes passes from the queues of subscriptions by Temporal's own protocol, since no Worker of the SDK can hold an
 * activity on behalf of consumers: it is polled for, kept by heartbeats and completed by its task token.
 */
export function createLeasedBatchSource({
  client,
  namespace,
  holdings,
  usage,
}: LeasedBatchSourceOptions): LeasedBatchSource {
  return {
    poll: async (tenant, subscription) => {
      const taskQueue = { name: subscriptionQueue(tenant, subscription) };
      const { identity, loadedDataConverter: converter } = client.options;
      try {
        const task = await client.withDeadline(Date.now() + POLL_MS, () =>
          client.workflowService.pollActivityTaskQueue({ namespace, taskQueue, identity }),
        );
        if (task.taskToken.length === 0) return undefined;
        holdings?.taken(task.taskToken);
        const [input] = await decodeArrayFromPayloads(converter, task.input?.payloads);
        const [record] = await decodeArrayFromPayloads(converter, task.heartbeatDetails?.payloads);
        const held = heldPass(
          client,
          task.taskToken,
          input as PassInput,
          record as LeasedBatchRecord | undefined,
        );
        const pass = usage === undefined ? held : counting(held, attemptOf(task), usage);
        return holdings === undefined ? pass : noting(pass, () => holdings.ended(task.taskToken));
      } catch (error) {
        if (isGrpcDeadlineError(error)) return undefined;
        throw unavailable(error);
      }
    },
  };
}

/** One that is called off comes back as well: to say so instead of a result would forget what is acknowledged. */
const RECALLS = [ActivityPausedError, ActivityResetError, ActivityCancelledError];

function heldPass(client: Client, token: Uint8Array, input: PassInput, record?: LeasedBatchRecord): HeldPass {
  const call = <T>(fn: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + CALL_MS, fn);
  return {
    input,
    record,
    heartbeat: async (details) => {
      try {
        await call(() => client.activity.heartbeat(token, details));
        return 'held';
      } catch (error) {
        if (RECALLS.some((each) => error instanceof each)) return 'recalled';
        if (error instanceof ActivityNotFoundError) return 'lost';
        throw unavailable(error);
      }
    },
    complete: async (result) => {
      try {
        await call(() => client.activity.complete(token, result));
        return true;
      } catch (error) {
        if (error instanceof ActivityNotFoundError) return false;
        throw unavailable(error);
      }
    },
    fail: async (error) => {
      const type = error instanceof HeadgateError ? error.code : undefined;
      const failure = ApplicationFailure.create({ message: messageOf(error), type });
      await call(() => client.activity.fail(token, failure));
    },
  };
}

type Task = Awaited<ReturnType<Client['workflowService']['pollActivityTaskQueue']>>;

function attemptOf({
  workflowExecution,
  workflowType,
  activityType,
  activityId,
  attempt,
}: Task): ActivityAttempt {
  return {
    workflowId: workflowExecution?.workflowId ?? '',
    runId: workflowExecution?.runId ?? '',
    workflowType: workflowType?.name ?? '',
    activityType: activityType?.name ?? '',
    activityId,
    attempt,
  };
}

/** The same pass; what it comes to is counted before Temporal knows, so that a crash in between loses nothing. */
function counting(pass: HeldPass, of: ActivityAttempt, usage: Pick<UsageRecorder, 'count'>): HeldPass {
  const began = performance.now();
  let heartbeats = 0;
  const count = (result?: PassResult): Promise<void> => {
    const seconds = (performance.now() - began) / 1000;
    const end = { seconds, heartbeats, input: pass.input, result, now: Date.now() };
    return usage.count(entriesOfAttempt(of, end));
  };
  return {
    ...pass,
    heartbeat: async (record) => {
      const answer = await pass.heartbeat(record);
      if (answer === 'held') heartbeats++;
      if (answer === 'lost') await count();
      return answer;
    },
    complete: async (result) => {
      await count(result);
      return pass.complete(result);
    },
    fail: async (error) => {
      await count();
      await pass.fail(error);
    },
  };
}

/** The same pass; `onEnd` is told when it is not ours any more. */
function noting(pass: HeldPass, onEnd: () => void): HeldPass {
  return {
    ...pass,
    heartbeat: async (record) => {
      const answer = await pass.heartbeat(record);
      if (answer === 'lost') onEnd();
      return answer;
    },
    complete: async (result) => {
      const completed = await pass.complete(result);
      onEnd();
      return completed;
    },
    fail: async (error) => {
      await pass.fail(error);
      onEnd();
    },
  };
}

function unavailable(cause: unknown): HeadgateError {
  return new HeadgateError('ENGINE_UNAVAILABLE', 'Temporal does not answer; try again.', {
    retryable: true,
    retryAfterSeconds: 1,
    cause,
  });
}
