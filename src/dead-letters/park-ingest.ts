import { subscriptionQueue, tenantQueue } from '../tenants/queues.js';
import { INGEST, type IngestDeadLetter } from '../workflows/messages/ingest-dead-letter.js';
import { expiryOf } from './expiry.js';
import type { Park } from './park.js';

/** Parks what ingest could not hand over; returns the id of the workflow that holds it. */
export type ParkIngest = (deadLetter: IngestDeadLetter) => Promise<string>;

/** Builds it over {@link Park}: a dead letter of ingest is one like any other, of a subscription that nobody configures. */
export function createParkIngest(park: Park, retentionMsOf: (tenant: string) => number): ParkIngest {
  return ({ batch, reason, detail, contents, cause }) => {
    const { tenant, batchId, events } = batch;
    return park({
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
