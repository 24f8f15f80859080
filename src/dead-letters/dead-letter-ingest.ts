import { subscriptionQueue, tenantQueue } from '../tenants/queues.js';
import { INGEST, type IngestDeadLetter } from '../workflows/messages/ingest-dead-letter.js';
import { expiryOf } from './expiry.js';
import type { DeadLetterEvents } from './dead-letter-events.js';

/** Dead-letters what ingest could not hand over; returns the id of the workflow that holds it. */
export type DeadLetterIngest = (deadLetter: IngestDeadLetter) => Promise<string>;

/** Builds it over {@link DeadLetterEvents}: a dead letter of ingest is one like any other, of a subscription that nobody configures. */
export function createDeadLetterIngest(
  deadLetterEvents: DeadLetterEvents,
  retentionMsOf: (tenant: string) => number,
): DeadLetterIngest {
  return ({ batch, reason, detail, contents, cause }) => {
    const { tenant, batchId, events } = batch;
    return deadLetterEvents({
      delivery: {
        tenant,
        subscription: INGEST,
        kind: 'ingest',
        batch,
        priority: 'normal',
        cause,
        queue: subscriptionQueue(tenant, INGEST),
        activityQueue: tenantQueue(tenant),
        expiresAt: expiryOf(batchId, retentionMsOf(tenant)),
      },
      dead: { reason, detail, attempts: 1, count: events },
      contents,
      passes: 0,
    });
  };
}
