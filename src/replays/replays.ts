import {
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowExecutionInfo,
} from '@temporalio/client';
import { lastHeartbeat } from '../temporal/last-heartbeat.js';
import { RunningLimit } from '../temporal/running-limit.js';
import { HeadgateError } from '../errors.js';
import { searchAttributesOf } from '../tenants/search-attributes.js';
import { assertOwn, startOnce } from '../temporal/start-once.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { LoadedTenant } from '../tenants/config/registry.js';
import { replayWorkflowId } from '../tenants/workflow-ids.js';
import { stateQueue, workflowQueue } from '../tenants/queues.js';
import { assertTenantId } from '../tenants/ids.js';
import {
  PROGRESS,
  REPLAY,
  type ReplayInput,
  type ReplayMemo,
  type ReplayProgress,
  type ReplayReport,
} from '../workflows/messages/replays.js';
import { createReachOf, type Reach } from './replay-reach.js';
import { replayInputOf, type ReplayRequest } from './replay-request.js';
import { WORKFLOW_TASK_TIMEOUT } from '../workflows/messages/batches.js';

/** A replay as the list shows it. Times are RFC 3339. */
export interface ReplaySummary {
  readonly id: string;
  /** Temporal's status in lower case: `running`, `completed`, `failed`, `cancelled`, … */
  readonly status: string;
  readonly dryRun: boolean;
  readonly task: ReplayInput['task'];
  readonly range: Omit<ReplayInput['range'], 'from' | 'to'> & { readonly from: string; readonly to: string };
  /** Version of the configuration whose rules decide. */
  readonly version: string;
  readonly eventsPerSecond: number;
  readonly requestedAt: string;
  readonly closedAt?: string;
  readonly workflowId: string;
}

/** A replay with how far it is, or what it has come to. */
export interface ReplayView extends ReplaySummary {
  /** While it runs, or where it was stopped; absent when no worker answers. */
  readonly progress?: ReplayProgress;
  /** Once it has ended well. */
  readonly report?: ReplayReport;
  /** Why it failed. */
  readonly error?: { readonly code: string; readonly message: string };
  /** Its page in the Temporal UI, where one is known. */
  readonly url?: string;
}

/** A tenant's replays. */
export interface Replays {
  /** @throws HeadgateError `REPLAY_INVALID`, `RULES_UNKNOWN`, `TENANT_UNKNOWN`, `TENANT_IN_FLIGHT_FULL` (too many run), `ENGINE_UNAVAILABLE` */
  start(tenant: string, request: ReplayRequest): Promise<ReplaySummary>;
  /** The latest, newest first. @throws HeadgateError `ENGINE_UNAVAILABLE` */
  list(tenant: string): Promise<ReplaySummary[]>;
  /** @throws HeadgateError `NOT_FOUND`, `ENGINE_UNAVAILABLE` */
  show(tenant: string, id: string): Promise<ReplayView>;
  /** Asks a replay to stop; what it has delivered and recorded stays. @throws HeadgateError `NOT_FOUND`, `ENGINE_UNAVAILABLE` */
  cancel(tenant: string, id: string): Promise<void>;
  /** @throws HeadgateError `TENANT_UNKNOWN` */
  reach(tenant: string): Promise<Reach>;
}

/** What {@link createReplays} needs. */
export interface ReplaysOptions {
  readonly client: Client;
  readonly namespace: string;
  /** Base address of the Temporal UI. */
  readonly uiUrl?: string;
  readonly batchStore: Pick<BatchStore, 'days' | 'list' | 'open' | 'deletedThrough'>;
  /** The node of the spool beside the state: what makes decisions current is done there. */
  readonly node: string;
  /** The nodes whose spools may hold what was acknowledged and is in no batch yet. Asked before a replay starts. */
  readonly spools: () => Promise<readonly string[]>;
  /** Milliseconds for which a replay waits for them. */
  readonly spoolWaitMs?: number;
  readonly tenantOf: (tenant: string) => LoadedTenant | undefined;
  /** A version of a tenant's configuration. */
  readonly versionOf: (tenant: string, version: string) => Promise<LoadedTenant>;
  readonly now?: () => number;
}

/** Replays of one tenant that may run at once. */
const MOST_RUNNING = 10;
const LISTED = 100;
const ANSWER_WITHIN_MS = 5_000;
/** Temporal's lowest priority of five: live traffic wins. */
const PRIORITY_KEY = 5;

/** Builds replays over Temporal: each is a workflow. */
export function createReplays(options: ReplaysOptions): Replays {
  const { client, now = Date.now } = options;
  const running = new RunningLimit({ client, workflowType: REPLAY, what: 'replays', most: MOST_RUNNING });
  const reachOf = createReachOf(options.batchStore, now);

  function loaded(tenant: string): LoadedTenant {
    const found = options.tenantOf(tenant);
    if (found !== undefined) return found;
    throw new HeadgateError('TENANT_UNKNOWN', `Tenant ${tenant} is not configured here.`);
  }

  async function versionFor(
    tenant: LoadedTenant,
    { rules = 'current' }: ReplayRequest,
  ): Promise<LoadedTenant> {
    return rules === 'current' ? tenant : options.versionOf(tenant.config.tenant, rules);
  }

  return {
    start: async (id, request) => {
      const tenant = loaded(id);
      const chosen = await versionFor(tenant, request);
      const asked = replayInputOf(request, { tenant, chosen, node: options.node }, now());
      return answered(client, async () => {
        const input = { ...asked, ...(await spoolsOf(options)) };
        const workflowId = replayWorkflowId(id, input.replayId);
        await running.start(id, workflowId, () => startWorkflow(client, tenant, input));
        return summaryOf(workflowId, 'running', memoOf(input));
      });
    },
    list: (tenant) =>
      answered(client, async () => {
        const replays: ReplaySummary[] = [];
        const query = `${ofTenant(tenant)} AND ExecutionStatus != 'ContinuedAsNew'`;
        for await (const info of client.workflow.list({ query, pageSize: LISTED })) {
          replays.push(summaryFrom(info));
          if (replays.length >= LISTED) break;
        }
        return replays;
      }),
    show: (tenant, id) =>
      answered(client, async () => {
        const description = await find(client, tenant, id);
        return {
          ...summaryFrom(description),
          ...(await stateOf(client, description)),
          ...pageOf(description, options),
        };
      }),
    cancel: async (tenant, id) => {
      await answered(client, async () => {
        const { workflowId } = await find(client, tenant, id);
        await client.workflow.getHandle(workflowId).cancel();
      });
    },
    reach: (tenant) => reachOf(loaded(tenant)),
  };
}

async function spoolsOf({
  spools,
  spoolWaitMs,
}: ReplaysOptions): Promise<Pick<ReplayInput, 'spools' | 'spoolWaitMs'>> {
  const refs = (await spools()).map((node) => ({ node, queue: stateQueue(node) }));
  return { spools: refs, ...(spoolWaitMs !== undefined && { spoolWaitMs }) };
}

/** What has such an id and is no replay of the tenant is not there for it. */
async function find(client: Client, tenant: string, id: string): Promise<WorkflowExecutionDescription> {
  try {
    return await assertOwn(client, replayWorkflowId(tenant, id), { type: REPLAY, tenant });
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'WORKFLOW_FOREIGN') throw noReplay();
    throw error;
  }
}

function noReplay(): HeadgateError {
  return new HeadgateError(
    'NOT_FOUND',
    'No such replay: its id is unknown, it has ended already, or it is older than Temporal keeps histories.',
  );
}

/** Turns what Temporal says, or that it says nothing, into Headgate's errors. */
async function answered<T>(client: Client, ask: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + ANSWER_WITHIN_MS, ask);
  } catch (error) {
    if (error instanceof HeadgateError) throw error;
    if (error instanceof WorkflowNotFoundError) throw noReplay();
    const retry = { retryable: true, retryAfterSeconds: 5, cause: error };
    throw new HeadgateError('ENGINE_UNAVAILABLE', 'Temporal does not answer.', retry);
  }
}

function ofTenant(tenant: string): string {
  return `WorkflowType = '${REPLAY}' AND HeadgateTenant = '${assertTenantId(tenant)}'`;
}

async function startWorkflow(client: Client, { config }: LoadedTenant, input: ReplayInput): Promise<void> {
  const { tenant, replayId, dryRun, task } = input;
  const start = {
    workflowId: replayWorkflowId(tenant, replayId),
    taskQueue: workflowQueue(tenant, config.isolation),
    args: [input],
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    memo: { ...memoOf(input) },
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    priority: { priorityKey: PRIORITY_KEY },
    staticSummary: `${tenant} · ${dryRun ? 'dry run of a replay' : 'replay'} · ${task.kind}`,
    typedSearchAttributes: searchAttributesOf(tenant),
  };
  // One that is there: an answer that was lost, and the client's own second try.
  const isSame = (started: unknown): boolean => (started as Partial<ReplayInput>)?.replayId === replayId;
  await startOnce(client, { type: REPLAY, tenant, start, isSame });
}

function memoOf({ range, task, version, dryRun, eventsPerSecond, requestedAt }: ReplayInput): ReplayMemo {
  return { range, task, version, dryRun, eventsPerSecond, requestedAt };
}

function summaryFrom(
  info: Pick<WorkflowExecutionInfo, 'workflowId' | 'status' | 'memo' | 'closeTime'>,
): ReplaySummary {
  const summary = summaryOf(
    info.workflowId,
    info.status.name.toLowerCase(),
    info.memo as unknown as ReplayMemo,
  );
  return { ...summary, ...(info.closeTime !== undefined && { closedAt: info.closeTime.toISOString() }) };
}

function summaryOf(workflowId: string, status: string, memo: ReplayMemo): ReplaySummary {
  const { range, requestedAt, ...rest } = memo;
  const [from, to] = [new Date(range.from).toISOString(), new Date(range.to).toISOString()];
  return {
    id: workflowId.slice(workflowId.lastIndexOf('/') + 1),
    status,
    ...rest,
    range: { ...range, from, to },
    requestedAt: new Date(requestedAt).toISOString(),
    workflowId,
  };
}

async function stateOf(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<Pick<ReplayView, 'progress' | 'report' | 'error'>> {
  const handle = client.workflow.getHandle(description.workflowId, description.runId);
  const { name } = description.status;
  if (name === 'COMPLETED') return { report: (await handle.result()) as ReplayReport };
  const error = name === 'FAILED' ? await failureOf(() => handle.result()) : undefined;
  // What the activity that runs said last is newer than what the workflow knows.
  const progress =
    lastHeartbeat<ReplayProgress>(description) ??
    (await progressOf(() => handle.query<ReplayProgress>(PROGRESS)));
  return { ...(progress !== undefined && { progress }), ...(error !== undefined && { error }) };
}

/** Asked of a worker, which may be away: then nothing is known. */
async function progressOf(ask: () => Promise<ReplayProgress>): Promise<ReplayProgress | undefined> {
  return ask().catch(() => undefined);
}

async function failureOf(result: () => Promise<unknown>): Promise<ReplayView['error']> {
  try {
    await result();
    return undefined;
  } catch (error) {
    let cause: unknown = error instanceof WorkflowFailedError ? error.cause : error;
    while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
    const { type, message } = cause as { type?: string; message?: string };
    return { code: type ?? 'INTERNAL', message: message ?? 'unknown' };
  }
}

function pageOf(
  { workflowId, runId }: WorkflowExecutionDescription,
  { namespace, uiUrl }: ReplaysOptions,
): Pick<ReplayView, 'url'> {
  if (uiUrl === undefined) return {};
  const page = `namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
  return { url: new URL(page, `${uiUrl}/`).href };
}
