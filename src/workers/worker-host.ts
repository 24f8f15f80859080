import {
  Worker,
  type InjectedSinks,
  type NativeConnection,
  type WorkerOptions,
  type ActivityInterceptorsFactory,
} from '@temporalio/worker';
import type { WorkerActivities } from '../activities/index.js';
import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { Holdings } from '../recovery/holdings.js';
import type { UsageRecorder } from '../stores/usage/recorder.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import type { Tracing } from '../tracing/tracing.js';
import { poolQueue, type Isolation } from '../tenants/queues.js';
import type { TouchedRun } from '../temporal/touched-runs.js';
import { TOUCHED_RUNS, type TouchedRunSinks } from '../workflows/messages/touched-runs.js';
import { countAttempts } from './count-attempts.js';
import { SubscriptionWorkers } from './subscription-workers.js';
import { TenantWorkers, type RunningWorker } from './tenant-workers.js';
import type { HeldTasks } from '../recovery/journal.js';

/** What {@link startWorkerHost} needs. */
export interface WorkerHostOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly registry: TenantRegistry;
  /** Brings the rate of a tenant's queue in line with its configuration. */
  readonly alignRate: (tenant: string) => Promise<void>;
  /** The same for a subscription's queue. */
  readonly alignSubscription: (tenant: string, subscription: string) => Promise<unknown>;
  readonly activities: WorkerActivities;
  /** Notes the tasks that are held, for the next process, and names this one to Temporal. Default: nobody notes them. */
  readonly holdings?: Omit<Holdings, 'close'>;
  /** Counts what activities do. Default: nobody does. */
  readonly usage?: Pick<UsageRecorder, 'count' | 'spent'>;
  /** Follows workflows and activities that come with a trace. Default: none. */
  readonly tracing?: Pick<Tracing, 'activity' | 'sinks'>;
  /** Called with runs that somebody else may have signalled, cancelled or reset; their tasks wait for it. Default: nobody is. */
  readonly onTouched?: (run: TouchedRun) => Promise<void>;
  /** Path of the prebuilt workflow bundle. */
  readonly workflowBundle: string;
  /** Seconds that activities may go on after shutdown has begun; then they are told to stop. */
  readonly graceSeconds: number;
  /** Called when a Worker ends by an error: this process can no longer do its work. */
  readonly onFatal: (reason: string) => void;
  readonly log: Logger;
}

/** The Workers of a process. */
export interface WorkerHost {
  /** True when this process runs the queue that the tenant's workflows start on, so that a start may be eager. */
  runsWorkflowsOf(tenant: string): boolean;
  /** @throws Error when a Worker is not running */
  checkRunning(): void;
  /** Lets all Workers finish what they do, within the grace time. */
  stop(): Promise<void>;
}

/** Workflows in memory per Worker: batches live for milliseconds and windows for seconds, so more would only hold memory. */
const MAX_CACHED_WORKFLOWS = 200;
/** Batches are few and big; windows wait in timers, which take no slot. */
const MAX_WORKFLOW_TASKS = 20;
/** Loads of one tenant at a time, and what local activities could not do; its queue's rate is the finer control. */
const MAX_TENANT_ACTIVITIES = 4;
const MAX_LOCAL_ACTIVITIES = 8;
/** Passes of one subscription at a time: one that is nearly through leaves room for the next. */
const MAX_PASSES = 4;

/**
 * Starts the pool's workflow Worker and a Worker for each tenant. A Worker that runs workflows costs about 33 MB and a
 * thread, one for activities alone a quarter of a megabyte: hence pooled tenants share the former.
 */
export async function startWorkerHost(options: WorkerHostOptions): Promise<WorkerHost> {
  const { run, allEnded } = workerRunner(options);
  const pool = await run({
    taskQueue: poolQueue(),
    ...workflowSide(options),
    enableNonLocalActivities: false,
  });
  const tenants = new TenantWorkers({
    ...options,
    run: (taskQueue, isolation) => run({ taskQueue, ...tenantSide(options, isolation) }),
  });
  await tenants.start();
  const subscriptions = new SubscriptionWorkers({
    ...options,
    alignRate: options.alignSubscription,
    run: (taskQueue) => run({ taskQueue, ...subscriptionSide(options) }),
  });
  await subscriptions.start();

  return {
    runsWorkflowsOf: (tenant) => {
      const isolation = options.registry.get(tenant)?.config.isolation;
      return isolation === 'dedicated'
        ? tenants.runsWorkflowsOf(tenant)
        : pool.worker.getState() === 'RUNNING';
    },
    checkRunning: () => {
      const state = pool.worker.getState();
      if (state !== 'RUNNING') throw new Error(`the worker of ${poolQueue()} is ${state.toLowerCase()}`);
    },
    stop: async () => {
      pool.worker.shutdown();
      await Promise.all([pool.ended, tenants.stop(), subscriptions.stop()]);
      await allEnded();
    },
  };
}

/** What {@link workerRunner} needs. */
export type RunOptions = Pick<
  WorkerHostOptions,
  'connection' | 'namespace' | 'holdings' | 'usage' | 'tracing' | 'graceSeconds' | 'onFatal' | 'log'
>;

/** Makes and runs Workers, and knows those that run. */
export function workerRunner(options: RunOptions): {
  readonly run: (workerOptions: WorkerOptions) => Promise<RunningWorker>;
  readonly allEnded: () => Promise<void>;
} {
  const running = new Set<RunningWorker>();

  async function run(workerOptions: WorkerOptions): Promise<RunningWorker> {
    const { connection, namespace, holdings, usage, tracing, graceSeconds } = options;
    const activity = [
      ...(holdings ? [noteTasks(holdings)] : []),
      ...(usage ? [countAttempts(usage)] : []),
      ...(tracing ? [tracing.activity] : []),
    ];
    const worker = await Worker.create({
      connection,
      namespace,
      ...(holdings && { identity: holdings.identity }),
      interceptors: { activity },
      shutdownGraceTime: graceSeconds * 1000,
      // After it, what still runs is given up: every activity can be run again.
      shutdownForceTime: `${graceSeconds + 5} seconds`,
      ...workerOptions,
    });
    const started: RunningWorker = {
      worker,
      ended: worker.run().catch((error: unknown) => failed(error, worker)),
    };
    running.add(started);
    void started.ended.finally(() => running.delete(started));
    return started;
  }

  function failed(error: unknown, worker: Worker): void {
    const reason = `the worker of ${worker.options.taskQueue} ended: ${messageOf(error)}`;
    options.log.error('WORKER_FAILED', { taskQueue: worker.options.taskQueue, reason: messageOf(error) });
    options.onFatal(reason);
  }

  const allEnded = async (): Promise<void> =>
    void (await Promise.all([...running].map(({ ended }) => ended)));
  return { run, allEnded };
}

function workflowSide(options: WorkerHostOptions): Partial<WorkerOptions> {
  const { workflowBundle, activities, tracing } = options;
  return {
    workflowBundle: { codePath: workflowBundle },
    sinks: { ...tracing?.sinks, ...touchedSinks(options) },
    activities,
    maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
    maxConcurrentWorkflowTaskExecutions: MAX_WORKFLOW_TASKS,
    maxConcurrentLocalActivityExecutions: MAX_LOCAL_ACTIVITIES,
    // Most workflows need a single task, and that one comes with the eager start; the rest are few.
    // What waits for a process that was killed waits for this long; others need a workflow's history to go on with it.
    stickyQueueScheduleToStartTimeout: '2 seconds',
    workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: 2 },
  };
}

function touchedSinks({ onTouched }: WorkerHostOptions): InjectedSinks<TouchedRunSinks> {
  return {
    [TOUCHED_RUNS]: {
      touched: {
        fn: ({ workflowId, runId, historyLength }) => onTouched?.({ workflowId, runId, historyLength }),
      },
    },
  };
}

function subscriptionSide({ activities }: WorkerHostOptions): Partial<WorkerOptions> {
  return {
    activities,
    maxConcurrentActivityTaskExecutions: MAX_PASSES,
    // What a heartbeat has not told is delivered again after a kill; the default holds it back for 24 s.
    maxHeartbeatThrottleInterval: '5 seconds',
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
  };
}

function tenantSide(options: WorkerHostOptions, isolation: Isolation): Partial<WorkerOptions> {
  return {
    activities: options.activities,
    maxConcurrentActivityTaskExecutions: MAX_TENANT_ACTIVITIES,
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
    ...(isolation === 'dedicated' && workflowSide(options)),
  };
}

/**
 * Notes each activity task while it runs, so that the next process can give back what a killed one held. Local
 * activities belong to the workflow task they run in, and have no task of their own.
 */
function noteTasks(holdings: HeldTasks): ActivityInterceptorsFactory {
  return ({ info: { isLocal, taskToken } }) => {
    if (isLocal) return {};
    return {
      inbound: {
        execute: async (input, next) => {
          holdings.taken(taskToken);
          try {
            return await next(input);
          } finally {
            holdings.ended(taskToken);
          }
        },
      },
    };
  };
}
