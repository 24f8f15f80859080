import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, type Client } from '@temporalio/client';
import type { QueueNotes, QueueRates } from '../temporal/queue-rates.js';
import { subscriptionQueue, tenantQueue } from '../tenants/queues.js';
import { assertTenantId } from '../tenants/ids.js';

/** Called with how many workflows are deleted so far. */
export type OnDeleted = (deleted: number) => void;

const AT_ONCE = 20;
/** Temporal deletes a moment after it has been told, and lists a moment after that. */
const SETTLE_MS = 1_000;
const MAX_ROUNDS = 60;

/**
 * Deletes all workflows of a tenant with their histories, its own ones included; those that run are ended.
 * @returns how many, and the subscriptions that they were about
 * @throws Error: some were still listed after a minute
 */
export async function deleteWorkflows(
  client: Client,
  tenant: string,
  onDeleted: OnDeleted = () => undefined,
): Promise<{ readonly deleted: number; readonly subscriptions: ReadonlySet<string> }> {
  const told = new Set<string>();
  const subscriptions = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let listed = 0;
    const some: Promise<void>[] = [];
    for await (const found of client.workflow.list({ query: queryFor(tenant) })) {
      listed++;
      const { workflowId, runId, searchAttributes } = found;
      for (const name of searchAttributes.HeadgateSubscription ?? []) subscriptions.add(String(name));
      if (told.has(runId)) continue;
      told.add(runId);
      some.push(deleteOne(client, { workflowId, runId }));
      if (some.length < AT_ONCE) continue;
      await Promise.all(some.splice(0));
      onDeleted(told.size);
    }
    await Promise.all(some);
    onDeleted(told.size);
    if (listed === 0) return { deleted: told.size, subscriptions };
    await sleep(SETTLE_MS);
  }
  throw new Error(
    `Temporal still lists workflows of ${tenant}, which it was told to delete; run this again.`,
  );
}

async function deleteOne(
  client: Client,
  workflowExecution: { readonly workflowId: string; readonly runId: string },
): Promise<void> {
  const { namespace } = client.options;
  try {
    await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
  } catch (error) {
    // Gone already, although it is listed.
    if (!isGrpcServiceError(error) || error.code !== NOT_FOUND) throw error;
  }
}

/** Of gRPC. */
const NOT_FOUND = 5;

/** Forgets how a tenant's queues stand: pauses, breakers, rates, and what is noted with them. */
export async function clearQueues(
  rates: QueueRates & QueueNotes,
  tenant: string,
  subscriptions: Iterable<string>,
): Promise<void> {
  const queues = [...subscriptions].map((name) => subscriptionQueue(tenant, name));
  for (const queue of [...queues, tenantQueue(tenant)]) {
    await rates.clear(queue);
    await rates.setNote(queue, '');
  }
}

function queryFor(tenant: string): string {
  return `HeadgateTenant = "${assertTenantId(tenant)}"`;
}
