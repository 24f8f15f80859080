import {
  condition,
  defineQuery,
  defineSignal,
  executeChild,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { STATUS } from '../tenants/search-attributes.js';
import { PRIORITY_KEYS, type Priority } from '../tenants/subscription.js';
import { deliverWorkflowId } from '../tenants/workflow-ids.js';
import { deliver } from './deliver.js';
import {
  DISCARD,
  LATE_LETTER_MS,
  REDRIVE,
  RESOLUTION,
  type DeadLetterInput,
  type DeadLetterResult,
  type DeliverInput,
  type DeliverResult,
  type Resolution,
  type Resolved,
} from './messages/deliveries.js';
import { isBeyondRedrive } from './messages/ingest-dead-letter.js';
import { WORKFLOW_TASK_TIMEOUT } from './messages/batches.js';
import { resolutionIn } from './signal-arguments.js';

/** Delivers the events of a dead letter again. */
const redriveSignal = defineSignal<[Resolution]>(REDRIVE);
/** Gives the events of a dead letter up. */
const discardSignal = defineSignal<[Resolution]>(DISCARD);
/** Who has resolved the dead letter; `null` while nobody has. */
const resolutionQuery = defineQuery<Resolved | null>(RESOLUTION);

/**
 * Events of one batch that could not be delivered for one reason, waiting for somebody: `redrive` or `discard`, in the
 * Temporal UI, by the API or the CLI; the first of them counts. Who it was is in the history. Events that are damaged
 * cannot be redriven: that signal is passed over.
 */
export async function deadLetter(input: DeadLetterInput): Promise<DeadLetterResult> {
  let resolved: Resolved | undefined;
  const resolve = (outcome: Resolved['outcome'], argument: unknown): void => {
    // Signals may be sent by hand, without arguments.
    const by = resolutionIn(argument, NOBODY);
    if (by !== undefined) resolved ??= { outcome, by };
  };
  setHandler(redriveSignal, (by) => {
    if (!isBeyondRedrive(input.dead.reason)) resolve('redriven', by);
  });
  setHandler(discardSignal, (by) => resolve('discarded', by));
  setHandler(resolutionQuery, () => resolved ?? null);
  const restMs = input.delivery.expiresAt - Date.now();
  await condition(() => resolved !== undefined, restMs > 0 ? restMs : LATE_LETTER_MS);
  const outcome = resolved?.outcome ?? 'expired';
  // It is no dead letter any more, and must not be found as one.
  upsertSearchAttributes([{ key: STATUS, value: outcome }]);
  if (resolved?.outcome !== 'redriven') return { outcome, by: resolved?.by };
  return { outcome, by: resolved.by, delivery: await redeliver(input) };
}

const NOBODY: Resolution = { actor: 'unknown' };

function redeliver({ delivery, dead }: DeadLetterInput): Promise<DeliverResult> {
  const { tenant, subscription, batch, kind } = delivery;
  // Of this run, so that a dead letter that is reset can be redriven again.
  const cause = `redrive-${workflowInfo().runId.slice(0, 8)}`;
  if (kind === 'ingest') return onTenantQueue(delivery.activityQueue).restartBatch({ batch, cause });
  if (kind === 'warehouse')
    return onTenantQueue(delivery.activityQueue).reloadRows({ batch, lines: dead.lines, cause });
  // What has waited for days lets live traffic go first.
  const priority: Priority = delivery.priority === 'high' ? 'high' : 'low';
  const args: [DeliverInput] = [{ ...delivery, kind, priority, cause, lines: dead.lines, count: dead.count }];
  const variant = { stream: batch.stream, priority, cause };
  return executeChild(deliver, {
    workflowId: deliverWorkflowId(tenant, subscription, batch.batchId, variant),
    args,
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    priority: { priorityKey: PRIORITY_KEYS[priority] },
    staticSummary: `${tenant} · ${subscription} · ${dead.count} redriven`,
    typedSearchAttributes: [...workflowInfo().typedSearchAttributes.getAll()].filter(
      ({ key }) => key !== STATUS,
    ),
  });
}

/** On the tenant's queue: they only start a workflow, for as long as it takes. */
function onTenantQueue(taskQueue: string): Pick<Activities, 'restartBatch' | 'reloadRows'> {
  return proxyActivities<Activities>({
    taskQueue,
    startToCloseTimeout: '30 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
}
