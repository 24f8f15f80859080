import type { Client } from '@temporalio/client';
import type { BatchRef } from '../../events/event.js';
import { faultPoint } from '../../platform/fault-point.js';
import { subscriptionAttributes } from '../../tenants/search-attributes.js';
import { startOnce } from '../../temporal/start-once.js';
import { PRIORITY_KEYS } from '../../tenants/subscription.js';
import type { TenantConfig } from '../../tenants/config/tenant-config.js';
import { deliverWorkflowId } from '../../tenants/workflow-ids.js';
import { subscriptionQueue, workflowQueue } from '../../tenants/queues.js';
import {
  DELIVER,
  type DeliverInput,
  type DeliverMemo,
  type StartDeliveriesInput,
} from '../../workflows/messages/deliveries.js';
import { type RoutedEvents, WORKFLOW_TASK_TIMEOUT } from '../../workflows/messages/batches.js';
import { expiryOf } from '../../dead-letters/expiry.js';
import type { DeadLetterEvents } from '../../dead-letters/dead-letter-events.js';

/** What {@link createStartDeliveries} needs. */
export interface StartDeliveriesOptions {
  readonly client: Client;
  /** The tenant's configuration as it is now. */
  readonly configOf: (tenant: string) => TenantConfig;
  readonly deadLetterEvents: DeadLetterEvents;
}

/** Starts the deliveries of a batch; returns the ids of their workflows, and of what was dead-lettered instead. */
export type StartDeliveries = (input: StartDeliveriesInput) => Promise<string[]>;

/**
 * Builds the activity that hands a batch's routed events on. Each has a workflow of its own, so that one dead endpoint
 * delays nobody; started from here and not as a child, since a child would cost its parent a second workflow task.
 */
export function createStartDeliveries(options: StartDeliveriesOptions): StartDeliveries {
  return async (input) => {
    const { tenant } = input.batch;
    const config = options.configOf(tenant);
    return Promise.all(input.routed.map((routed) => handOn(options, config, input, routed)));
  };
}

async function handOn(
  options: StartDeliveriesOptions,
  config: TenantConfig,
  input: StartDeliveriesInput,
  routed: RoutedEvents,
): Promise<string> {
  const { subscription, priority, lines, count } = routed;
  const batch = fileOf(input, routed);
  const configured = config.subscriptions.find(({ name }) => name === subscription);
  const delivery = {
    tenant: config.tenant,
    subscription,
    kind: configured?.kind ?? 'pull',
    batch,
    priority,
    queue: subscriptionQueue(config.tenant, subscription),
    activityQueue: input.activityQueue,
    expiresAt: expiryOf(batch.batchId, configured?.retentionMs ?? config.retentionMs),
    cause: input.cause,
  };
  const dead = { attempts: 0, lines, count };
  if (routed.looped === true) {
    const detail = 'The event has passed too many stages: subscribers answer each other in a circle.';
    return options.deadLetterEvents({ delivery, dead: { ...dead, reason: 'loop', detail }, passes: 0 });
  }
  if (configured === undefined) {
    const detail = 'The subscription is not configured any more.';
    return options.deadLetterEvents({
      delivery,
      dead: { ...dead, reason: 'subscription-removed', detail },
      passes: 0,
    });
  }
  return start(options.client, config, { ...delivery, lines, count });
}

function fileOf({ batch, decisions }: StartDeliveriesInput, { of }: RoutedEvents): BatchRef {
  return of === 'decisions' && decisions !== undefined ? decisions : batch;
}

async function start(client: Client, config: TenantConfig, input: DeliverInput): Promise<string> {
  const { tenant, subscription, batch, priority, cause, count } = input;
  const variant = { stream: batch.stream, priority, cause };
  const workflowId = deliverWorkflowId(tenant, subscription, batch.batchId, variant);
  faultPoint('deliver-start.before');
  // One that is there: an attempt before this one, or a run of the batch's workflow before its reset, has started it.
  await startOnce(client, {
    type: DELIVER,
    tenant,
    start: {
      workflowId,
      taskQueue: workflowQueue(tenant, config.isolation),
      args: [input],
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      workflowIdConflictPolicy: 'FAIL',
      // This activity runs where the queue's workflows do, so that the first task may come with the answer.
      requestEagerStart: true,
      priority: { priorityKey: PRIORITY_KEYS[priority] },
      staticSummary: `${tenant} · ${subscription} · ${count} ${count === 1 ? 'event' : 'events'}`,
      typedSearchAttributes: subscriptionAttributes(tenant, subscription, batch.stream),
      memo: { count } satisfies DeliverMemo,
    },
  });
  faultPoint('deliver-start.after');
  return workflowId;
}
