import { setTimeout as delay } from 'node:timers/promises';
import type { BatchedActivities } from '../activities/replay/await-batched.js';
import type { ReplayActivities } from '../activities/replay/replay.js';
import { messageOf } from '../errors.js';
import { stateQueue } from '../tenants/queues.js';
import { workerRunner, type RunOptions } from './worker-host.js';

/** What {@link startStateWorker} needs. */
export interface StateWorkerOptions extends Pick<
  RunOptions,
  'connection' | 'namespace' | 'holdings' | 'usage' | 'tracing' | 'log'
> {
  /** The spool's node. */
  readonly node: string;
  readonly activities: Pick<ReplayActivities, 'redecide'> & BatchedActivities;
}

/** The Worker of the process that owns the state. */
export interface StateWorker {
  /** Tells what runs to stop, and waits for it. May be called again. */
  stop(): Promise<void>;
}

/** Most of them wait for another of their tenant, which takes nothing: memory has a bound of its own, and time is shared. */
const MAX_ACTIVITIES = 1_000;
const AGAIN_AFTER_MS = 10_000;

/**
 * Does on behalf of workflows what only the owner of the state can. A Worker that ends by an error is started again: this
 * process takes events in, which must not end with it.
 */
export function startStateWorker(options: StateWorkerOptions): StateWorker {
  const stopping = new AbortController();
  // No grace: what runs takes hours, changes nothing until its end, and is run again by the next process.
  const { run } = workerRunner({ ...options, graceSeconds: 0, onFatal: () => undefined });
  const runOnce = async (): Promise<void> => {
    const { worker, ended } = await run({
      taskQueue: stateQueue(options.node),
      activities: options.activities,
      maxConcurrentActivityTaskExecutions: MAX_ACTIVITIES,
      // How far a replay is is shown to people; the default holds it back for 24 s.
      maxHeartbeatThrottleInterval: '5 seconds',
      activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
    });
    const stop = (): void => worker.shutdown();
    if (stopping.signal.aborted) stop();
    stopping.signal.addEventListener('abort', stop, { once: true });
    await ended;
    stopping.signal.removeEventListener('abort', stop);
  };
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await runOnce().catch((error: unknown) =>
        options.log.error('REPLAYS_NOT_SERVED', { reason: messageOf(error) }),
      );
      await delay(AGAIN_AFTER_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
