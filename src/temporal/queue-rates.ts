import proto from '@temporalio/proto';
import type { WorkflowService } from '@temporalio/client';

/** The rate of an activity queue as Temporal has it. */
export interface QueueRate {
  readonly activitiesPerSecond: number;
  /** Why it is that; shown by `temporal task-queue config get`. */
  readonly reason: string;
}

/**
 * Reads and writes how many activities per second a queue hands out, for all workers together; 0 pauses it. The server's queue configuration is the one source of truth: the Worker option of the same meaning is not
 * used, since there the last poller wins.
 */
export interface QueueRates {
  set(queue: string, rate: QueueRate): Promise<void>;
  /** Undefined when none has been set. */
  get(queue: string): Promise<QueueRate | undefined>;
  /** Takes back what was set. */
  clear(queue: string): Promise<void>;
}

/**
 * Reads and writes a text that is kept with an activity queue and changes nothing of what it hands out: the reason given for
 * a default rate of fairness keys that is not set. Shown by `temporal task-queue config get`. A queue of its own to keep a
 * text with would cost Temporal 0.2 MB while it is looked at.
 */
export interface QueueNotes {
  setNote(queue: string, note: string): Promise<void>;
  /** Undefined when none has been set. */
  note(queue: string): Promise<string | undefined>;
}

/** What a queue is set to: {@link QueueRates} and {@link QueueNotes} in one question. */
export interface QueueSettings {
  settings(queue: string): Promise<{ readonly rate?: QueueRate; readonly note?: string }>;
}

const ACTIVITY = proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY;

/** The rates and notes on a Temporal server; of a connection of a client or of a Worker. */
export function createQueueRates(
  { workflowService }: { readonly workflowService: WorkflowService },
  namespace: string,
): QueueRates & QueueNotes & QueueSettings {
  const target = { namespace, identity: 'headgate', taskQueueType: ACTIVITY };
  const configOf = async (queue: string) => {
    const { config } = await workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: queue },
      taskQueueType: ACTIVITY,
      reportConfig: true,
    });
    return config;
  };
  return {
    set: async (queue, { activitiesPerSecond, reason }) => {
      const updateQueueRateLimit = { rateLimit: { requestsPerSecond: activitiesPerSecond }, reason };
      await workflowService.updateTaskQueueConfig({ ...target, taskQueue: queue, updateQueueRateLimit });
    },
    get: async (queue) => rateIn(await configOf(queue)),
    clear: async (queue) => {
      // Without a rate it is an update that removes the one there is.
      const updateQueueRateLimit = { reason: '' };
      await workflowService.updateTaskQueueConfig({ ...target, taskQueue: queue, updateQueueRateLimit });
    },
    setNote: async (queue, note) => {
      const updateFairnessKeyRateLimitDefault = { reason: note };
      const update = { ...target, taskQueue: queue, updateFairnessKeyRateLimitDefault };
      await workflowService.updateTaskQueueConfig(update);
    },
    note: async (queue) => noteIn(await configOf(queue)),
    settings: async (queue) => {
      const config = await configOf(queue);
      return { rate: rateIn(config), note: noteIn(config) };
    },
  };
}

type QueueConfig = proto.temporal.api.taskqueue.v1.ITaskQueueConfig | null | undefined;

function rateIn(config: QueueConfig): QueueRate | undefined {
  const { rateLimit, metadata } = config?.queueRateLimit ?? {};
  const activitiesPerSecond = rateLimit?.requestsPerSecond;
  if (activitiesPerSecond === undefined || activitiesPerSecond === null) return undefined;
  return { activitiesPerSecond, reason: metadata?.reason ?? '' };
}

function noteIn(config: QueueConfig): string | undefined {
  return config?.fairnessKeysRateLimitDefault?.metadata?.reason ?? undefined;
}
