import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { BatchRef } from '../event.js';
import { faultPoint } from '../fault-point.js';
import { searchAttributesOf } from '../search-attributes.js';
import { batchWorkflowId, tenantQueue, workflowQueue, type Isolation } from '../tenant.js';
import type { RoutedEvents } from '../workflows/delivery-messages.js';
import {
  INGEST_BATCH,
  batchSummary,
  type BatchContents,
  type DecidedBatch,
  type IngestBatchInput,
} from '../workflows/messages.js';

/** A batch whose files are on disk, ready for Temporal. */
export interface WrittenBatch {
  readonly batch: BatchRef;
  readonly contents: BatchContents;
  readonly decided: DecidedBatch;
  readonly routed: readonly RoutedEvents[];
}

/** What {@link startBatch} needs. */
export interface StartBatchOptions {
  readonly client: Client;
  readonly isolationOf: (tenant: string) => Isolation;
  /** True when this process runs the Worker of the queue: the first workflow task then comes with the start's answer. */
  readonly eager: (tenant: string) => boolean;
}

/** Starts the workflow of a batch; one that has been started already, and has not failed, is left as it is. */
export async function startBatch(options: StartBatchOptions, written: WrittenBatch): Promise<void> {
  const { batch, contents, decided, routed } = written;
  const { tenant, stream, batchId } = batch;
  const input: IngestBatchInput = {
    ...{ batch, contents, decided, activityQueue: tenantQueue(tenant) },
    ...(routed.length > 0 && { routed }),
  };
  faultPoint('workflow-start.before');
  try {
    await options.client.workflow.start(INGEST_BATCH, {
      workflowId: batchWorkflowId(tenant, stream, batchId),
      taskQueue: workflowQueue(tenant, options.isolationOf(tenant)),
      args: [input],
      // A failed batch may be submitted again, one that has gone through may not.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      workflowIdConflictPolicy: 'FAIL',
      requestEagerStart: options.eager(tenant),
      staticSummary: batchSummary(batch, contents),
      typedSearchAttributes: searchAttributesOf(tenant, stream),
    });
  } catch (error) {
    // An attempt before a crash, or one whose answer was lost, has started it.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  faultPoint('workflow-start.after');
}
