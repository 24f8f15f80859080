import {
  condition,
  defineQuery,
  defineSignal,
  executeChild,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { STATUS } from '../search-attributes.js';
import { PRIORITY_KEYS, type Priority } from '../subscription.js';
import { deliverWorkflowId } from '../tenant.js';
import { deliver } from './deliver.js';
import {
  DISCARD,
  REDRIVE,
  RESOLUTION,
  type DeadLetterInput,
  type DeadLetterResult,
  type DeliverInput,
  type DeliverResult,
  type Resolution,
  type Resolved,
} from './delivery-messages.js';

/** Delivers the events of a dead letter again. */
export const redriveSignal = defineSignal<[Resolution]>(REDRIVE);
/** Gives the events of a dead letter up. */
export const discardSignal = defineSignal<[Resolution]>(DISCARD);
/** Who has resolved the dead letter; `null` while nobody has. */
export const resolutionQuery = defineQuery<Resolved | null>(RESOLUTION);

/**
 * Events of one batch that could not be delivered for one reason, waiting for somebody: `redrive` or `discard`, in the
 * Temporal UI, by the API or the CLI; the first of them counts. Who it was is in the history.
 */
export async function deadLetter(input: DeadLetterInput): Promise<DeadLetterResult> {
  let resolved: Resolved | undefined;
  // Signals may be sent by hand, without arguments.
  setHandler(redriveSignal, (by) => void (resolved ??= { outcome: 'redriven', by: by ?? NOBODY }));
  setHandler(discardSignal, (by) => void (resolved ??= { outcome: 'discarded', by: by ?? NOBODY }));
  setHandler(resolutionQuery, () => resolved ?? null);
  await condition(() => resolved !== undefined, Math.max(1, input.delivery.expiresAt - Date.now()));
  const outcome = resolved?.outcome ?? 'expired';
  // It is no dead letter any more, and must not be found as one.
  upsertSearchAttributes([{ key: STATUS, value: outcome }]);
  if (resolved?.outcome !== 'redriven') return { outcome, by: resolved?.by };
  return { outcome, by: resolved.by, delivery: await redeliver(input) };
}

const NOBODY: Resolution = { actor: 'unknown' };

function redeliver({ delivery, dead }: DeadLetterInput): Promise<DeliverResult> {
  const { tenant, subscription, batch } = delivery;
  // What has waited for days lets live traffic go first.
  const priority: Priority = delivery.priority === 'high' ? 'high' : 'low';
  // Of this run, so that a dead letter that is reset can be redriven again.
  const cause = `redrive-${workflowInfo().runId.slice(0, 8)}`;
  const args: [DeliverInput] = [{ ...delivery, priority, cause, lines: dead.lines, count: dead.count }];
  const variant = { stream: batch.stream, priority, cause };
  return executeChild(deliver, {
    workflowId: deliverWorkflowId(tenant, subscription, batch.batchId, variant),
    args,
    priority: { priorityKey: PRIORITY_KEYS[priority] },
    staticSummary: `${tenant} · ${subscription} · ${dead.count} redriven`,
    typedSearchAttributes: [...workflowInfo().typedSearchAttributes.getAll()].filter(
      ({ key }) => key !== STATUS,
    ),
  });
}
