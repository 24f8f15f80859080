import type { Batched, Unbatched } from '../../ingest/batched.js';
import { assertTenantId } from '../../tenants/ids.js';
import {
  NO_COUNTS,
  type AwaitBatchedInput,
  type AwaitBatchedResult,
  type ReplayProgress,
} from '../../workflows/messages/replays.js';
import { inSpool } from '../../workflows/messages/unbatched-events.js';
import { whileHeartbeating } from '../heartbeats.js';

/** What is done where a spool is, which one process has. */
export interface BatchedActivities {
  /** Waits until all that was acknowledged up to a moment is in batches; gives what is not when it has waited for long enough. */
  awaitBatched(input: AwaitBatchedInput): Promise<AwaitBatchedResult>;
}

/** What {@link createBatchedActivities} needs. */
export interface BatchedActivitiesOptions {
  /** The spool's node. */
  readonly node: string;
  /** Finds out what is on its way of a tenant's events, and waits on it. */
  readonly watch: Batched['watch'];
  /** Milliseconds between heartbeats; default 2,000. */
  readonly heartbeatIntervalMs?: number;
}

const HEARTBEAT_MS = 2_000;

/** Builds the activities. They wait for what they are told, and look at nothing in between. */
export function createBatchedActivities(options: BatchedActivitiesOptions): BatchedActivities {
  const { node, watch, heartbeatIntervalMs = HEARTBEAT_MS } = options;
  return {
    awaitBatched: ({ waitMs, ...upTo }) => {
      let left = (): AwaitBatchedResult => ({ events: 0 });
      const progress = (): ReplayProgress => ({
        ...NO_COUNTS,
        phase: 'batching',
        waitsFor: [inSpool(node, left())],
      });
      const work = async (stopped?: AbortSignal): Promise<AwaitBatchedResult> => {
        const enough = AbortSignal.timeout(waitMs);
        const signal = stopped === undefined ? enough : AbortSignal.any([stopped, enough]);
        assertTenantId(upTo.tenant);
        try {
          return await watch(upTo, signal, async (underWay) => {
            left = () => resultOf(underWay.left());
            await underWay.whenDone(signal);
            return { events: 0 };
          });
        } catch (error) {
          stopped?.throwIfAborted();
          if (!enough.aborted) throw error;
          return left();
        }
      };
      return whileHeartbeating(heartbeatIntervalMs, work, progress);
    },
  };
}

function resultOf({ events, oldestAt }: Unbatched): AwaitBatchedResult {
  return { events, ...(oldestAt !== undefined && { oldestReceipt: new Date(oldestAt).toISOString() }) };
}
