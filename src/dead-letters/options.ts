import type { Client } from '@temporalio/client';
import type { TemporalUi } from '../temporal/workflow-page.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { DeliveryLog } from '../stores/delivery-log/delivery-log.js';
import type { Isolation } from '../tenants/queues.js';

/** What dead letters are looked up and acted on with. */
export interface DeadLetterOptions extends TemporalUi {
  readonly client: Client;
  readonly batchStore: Pick<BatchStore, 'read'>;
  /** Has the attempts. */
  readonly deliveryLog: Pick<DeliveryLog, 'read'>;
  readonly isolationOf: (tenant: string) => Isolation;
}
