import { gzipSync } from 'node:zlib';
import type { EventRow } from '../../src/events/event.js';
import { expiryOf } from '../../src/dead-letters/expiry.js';
import { LineSet } from '../../src/events/line-set.js';
import type { Priority } from '../../src/tenants/subscription.js';
import { deadLetterIdOf } from '../../src/tenants/workflow-ids.js';
import { subscriptionQueue, tenantQueue } from '../../src/tenants/queues.js';
import type { DeadReason } from '../../src/workflows/messages/deliveries.js';
import type { Pipeline } from './pipeline.js';

/** What a dead letter is to be started with. */
export interface DeadLetterEventsOptions {
  readonly subscription?: string;
  readonly reason?: DeadReason;
  readonly detail?: string;
  readonly type?: string;
  readonly priority?: Priority;
  /** Events in the batch. Default 1. */
  readonly events?: number;
  /** Lines of it that are dead. Default: all. */
  readonly lines?: readonly number[];
}

/** A dead letter that waits. */
export interface DeadLettered {
  readonly id: string;
  readonly workflowId: string;
  readonly batchId: string;
  readonly eventIds: readonly string[];
}

let batches = 0;

/** Writes a batch file through the store, and dead-letters events of it by the activity, as a delivery does that gives them up. */
export async function deadLetterEvents(
  { stores, activities }: Pipeline,
  tenant: string,
  options: DeadLetterEventsOptions = {},
): Promise<DeadLettered> {
  const {
    subscription = 'crm',
    reason = 'attempts-exhausted',
    type = 'flight.arrived',
    events = 1,
  } = options;
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const batchId = `${day}-0123abcd-${(++batches).toString(36).padStart(9, '0')}`;
  const rows = Array.from({ length: events }, (_, n) => rowOf(`${batchId}-${n}`, type));
  const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const batch = await stores.batchStore.write(
    { tenant, stream: 'events', batchId },
    gzipSync(ndjson, { level: 1 }),
    events,
  );
  const lines = options.lines ?? rows.map((_, n) => n);
  const workflowId = await activities.park({
    delivery: {
      tenant,
      subscription,
      kind: 'push',
      batch,
      priority: options.priority ?? 'normal',
      queue: subscriptionQueue(tenant, subscription),
      activityQueue: tenantQueue(tenant),
      expiresAt: expiryOf(batchId, 7 * 24 * 3_600_000),
    },
    dead: {
      reason,
      detail: options.detail ?? 'HTTP 500 Internal Server Error',
      attempts: 10,
      lines: options.lines && LineSet.of(options.lines).encode(),
      count: lines.length,
    },
    passes: 10,
  });
  const id = deadLetterIdOf(tenant, workflowId) ?? '';
  return { id, workflowId, batchId, eventIds: lines.map((n) => `${batchId}-${n}`) };
}

function rowOf(id: string, type: string): EventRow {
  return {
    specversion: '1.0',
    id,
    source: '/test',
    type,
    time: '2024-03-10T12:00:00Z',
    subject: 's',
    received_at: '2024-03-10T12:00:00Z',
  };
}
