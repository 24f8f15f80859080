import { randomUUID } from 'node:crypto';
import { WorkflowNotFoundError, type WorkflowExecutionDescription } from '@temporalio/client';
import { clipToJsonBytes } from '../platform/clip.js';
import { askTemporal } from '../temporal/ask-temporal.js';
import { RunningLimit } from '../temporal/running-limit.js';
import { workflowPage } from '../temporal/workflow-page.js';
import { searchAttributesOf } from '../tenants/search-attributes.js';
import { redriveWorkflowId } from '../tenants/workflow-ids.js';
import { tenantQueue, workflowQueue } from '../tenants/queues.js';
import type { Resolution, Resolved } from '../workflows/messages/deliveries.js';
import {
  PROGRESS,
  RESOLVE_DEAD_LETTERS,
  type DeadLetterFilter,
  type ResolveInput,
  type ResolveProgress,
  type ResolveResult,
} from '../workflows/messages/resolve.js';
import { findOwn } from './find.js';
import type { DeadLetterOptions } from './options.js';
import { assertRedrivable } from './resolve.js';
import { MAX_SUMMARY_BYTES, WORKFLOW_TASK_TIMEOUT } from '../workflows/messages/batches.js';
import { LRUCache } from 'lru-cache';

/** What to redrive or discard. */
interface RedriveRequest {
  readonly outcome: Resolved['outcome'];
  readonly filter: DeadLetterFilter;
  /** 1 to 100,000. */
  readonly eventsPerSecond: number;
}

/** A redrive, or discard, of many, as it stands. */
export interface RedriveStatus {
  readonly id: string;
  readonly workflowId: string;
  /** `ended` when its workflow was ended by hand. */
  readonly status: 'running' | 'completed' | 'cancelled' | 'ended';
  readonly startedAt: string;
  readonly closedAt?: string;
  /** The workflow's page in the Temporal UI, where one is known. */
  readonly url?: string;
  /** Absent where it was ended by hand. */
  readonly progress?: ResolveProgress;
}

/** Redrives and discards of many dead letters of a tenant. */
export interface Redrives {
  /**
   * Those that cannot be redriven are left out. The same asked for again by the same person within ten seconds, while it
   * runs, is the one that runs.
   * @throws HeadgateError `DEAD_LETTER_UNREADABLE` when the filter asks for them alone; `TENANT_IN_FLIGHT_FULL`: four run
   */
  start(tenant: string, request: RedriveRequest, by: Resolution): Promise<RedriveStatus>;
  /** @throws HeadgateError `NOT_FOUND` */
  show(tenant: string, id: string): Promise<RedriveStatus>;
  /** Ends it; what is left stays dead. One that has ended stays as it is. @throws HeadgateError `NOT_FOUND` */
  cancel(tenant: string, id: string, by: Resolution): Promise<RedriveStatus>;
}

/** Redrives and discards of many of one tenant that may run at once: each goes through the same list. */
const MOST_RUNNING = 4;
const NOTHING_YET: ResolveProgress = { matched: 0, matchedEvents: 0, done: 0, events: 0, left: 0 };

/** Builds redrives and discards of many: each a workflow that goes on without its caller. */
export function createRedrives(options: DeadLetterOptions): Redrives {
  const { client } = options;
  const find = (tenant: string, id: string): Promise<WorkflowExecutionDescription> =>
    findOwn(options, tenant, redriveWorkflowId(tenant, id), RESOLVE_DEAD_LETTERS);
  const running = new RunningLimit({
    client,
    workflowType: RESOLVE_DEAD_LETTERS,
    what: 'redrives and discards',
    most: MOST_RUNNING,
  });
  const again = new AskedAgain<RedriveStatus>();
  return {
    start: (tenant, request, by) =>
      again.once(
        JSON.stringify([tenant, request, by]),
        () => start(options, running, tenant, request, by),
        async ({ id }) => {
          const now = await statusOf(options, id, await find(tenant, id));
          return now.status === 'running' ? now : undefined;
        },
      ),
    show: async (tenant, id) => statusOf(options, id, await find(tenant, id)),
    cancel: async (tenant, id, { actor }) => {
      const { workflowId, runId } = await find(tenant, id);
      try {
        await askTemporal(client, () =>
          client.workflowService.requestCancelWorkflowExecution({
            namespace: client.options.namespace,
            workflowExecution: { workflowId, runId },
            requestId: randomUUID(),
            identity: 'headgate',
            reason: clipToJsonBytes(`by ${actor}`, MAX_SUMMARY_BYTES),
          }),
        );
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
      return statusOf(options, id, await find(tenant, id));
    },
  };
}

async function start(
  options: DeadLetterOptions,
  running: RunningLimit,
  tenant: string,
  { outcome, filter, eventsPerSecond }: RedriveRequest,
  by: Resolution,
): Promise<RedriveStatus> {
  if (outcome === 'redriven') assertRedrivable(filter.reason);
  const { client, isolationOf } = options;
  const id = randomUUID();
  const workflowId = redriveWorkflowId(tenant, id);
  const now = Date.now();
  const input: ResolveInput = {
    tenant,
    activityQueue: tenantQueue(tenant),
    outcome,
    by,
    eventsPerSecond,
    filter: {
      ...filter,
      to: Math.min(filter.to ?? now, now),
      ...(outcome === 'redriven' && { redrivable: true }),
    },
  };
  const { firstExecutionRunId } = await askTemporal(client, () =>
    running.start(tenant, workflowId, () =>
      client.workflow.start(RESOLVE_DEAD_LETTERS, {
        workflowId,
        taskQueue: workflowQueue(tenant, isolationOf(tenant)),
        args: [input],
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
        staticSummary: clipToJsonBytes(
          `${tenant} · dead letters to be ${outcome} · by ${by.actor}`,
          MAX_SUMMARY_BYTES,
        ),
        typedSearchAttributes: searchAttributesOf(tenant),
      }),
    ),
  );
  const url = workflowPage(options, workflowId, firstExecutionRunId);
  const startedAt = new Date(now).toISOString();
  const progress = NOTHING_YET;
  return { id, workflowId, status: 'running', startedAt, ...(url !== undefined && { url }), progress };
}

async function statusOf(
  options: DeadLetterOptions,
  id: string,
  found: WorkflowExecutionDescription,
): Promise<RedriveStatus> {
  const { workflowId, runId, startTime, closeTime } = found;
  const url = workflowPage(options, workflowId, runId);
  return {
    id,
    workflowId,
    startedAt: startTime.toISOString(),
    ...(closeTime !== undefined && { closedAt: closeTime.toISOString() }),
    ...(url !== undefined && { url }),
    ...(await progressOf(options, found)),
  };
}

async function progressOf(
  { client }: DeadLetterOptions,
  { workflowId, runId, status }: WorkflowExecutionDescription,
): Promise<Pick<RedriveStatus, 'status' | 'progress'>> {
  const handle = client.workflow.getHandle(workflowId, runId);
  if (status.name === 'RUNNING') {
    const progress = await askTemporal(client, () => handle.query<ResolveProgress>(PROGRESS));
    return { status: 'running', progress };
  }
  if (status.name !== 'COMPLETED') return { status: 'ended' };
  const result = await askTemporal(client, () => handle.result() as Promise<ResolveResult>);
  const { cancelled, ...progress } = result;
  return { status: cancelled ? 'cancelled' : 'completed', progress };
}

/** How long after it was asked for the same counts as asked again. */
const AGAIN_WITHIN_MS = 10_000;
const MOST_REMEMBERED = 1_000;

/** Has what is asked for twice within seconds, by an impatient client or a second click, done once. */
class AskedAgain<T> {
  private readonly asked = new LRUCache<string, Promise<T>>({
    max: MOST_REMEMBERED,
    ttl: AGAIN_WITHIN_MS,
    // From when it was first asked for: what comes later may be meant for more.
    noUpdateTTL: true,
  });

  /**
   * Starts it, unless it was asked for a moment ago and goes on.
   * @param key what is asked for, and by whom
   * @param goingOn how the earlier one stands; undefined once it has ended
   */
  once(key: string, start: () => Promise<T>, goingOn: (earlier: T) => Promise<T | undefined>): Promise<T> {
    const earlier = this.asked.get(key);
    const answer =
      earlier === undefined
        ? start()
        : earlier.then(goingOn, () => undefined).then((found) => found ?? start());
    this.asked.set(key, answer);
    return answer;
  }
}
