import type { Client } from '@temporalio/client';
import type { TemporalUi } from '../engine/workflow-page.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { Isolation } from '../tenant.js';
import type { AttemptsOf } from './attempts.js';

/** What dead letters are looked up and acted on with. */
export interface DeadLetterOptions extends TemporalUi {
  readonly client: Client;
  readonly batchStore: Pick<BatchStore, 'read'>;
  readonly isolationOf: (tenant: string) => Isolation;
  /** Reads the delivery log. Default: no attempts are known. */
  readonly attemptsOf?: AttemptsOf;
}
