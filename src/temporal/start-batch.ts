import { isGrpcServiceError, type Client, type ServiceError } from '@temporalio/client';
import { HeadgateError } from '../errors.js';
import type { BatchRef } from '../events/event.js';
import { startOnce } from './start-once.js';
import { searchAttributesOf } from '../tenants/search-attributes.js';
import { batchWorkflowId } from '../tenants/workflow-ids.js';
import { workflowQueue, type Isolation } from '../tenants/queues.js';
import {
  INGEST_BATCH,
  WORKFLOW_TASK_TIMEOUT,
  batchSummary,
  type IngestBatchInput,
} from '../workflows/messages/batches.js';

/** How {@link startBatch} starts. */
export interface StartBatchOptions {
  readonly client: Client;
  readonly isolationOf: (tenant: string) => Isolation;
  /** Ask for the first workflow task with the start's answer: where this process runs the Worker of the queue. Default false. */
  readonly eager?: boolean;
}

/** gRPC's INVALID_ARGUMENT: the request is wrong in itself, whatever the state of the server. */
const INVALID_ARGUMENT = 3;

/**
 * Starts the workflow of a batch; one that has been started is no error.
 * @throws HeadgateError `WORKFLOW_FOREIGN`: something else is there under its id, or a batch of other events
 * @throws ServiceError: Temporal is away, or has refused it, see {@link refusalOf}
 */
export async function startBatch(
  { client, isolationOf, eager = false }: StartBatchOptions,
  input: IngestBatchInput,
): Promise<void> {
  const { tenant, stream, batchId } = input.batch;
  await startOnce(client, {
    type: INGEST_BATCH,
    tenant,
    isSame: (started) => isOf(input.batch, started),
    start: {
      workflowId: batchWorkflowId(tenant, stream, batchId),
      taskQueue: workflowQueue(tenant, isolationOf(tenant)),
      args: [input],
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
      // A failed batch may be submitted again, one that has gone through may not.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      workflowIdConflictPolicy: 'FAIL',
      requestEagerStart: eager,
      staticSummary: batchSummary(input.batch, input.contents),
      typedSearchAttributes: searchAttributesOf(tenant, stream),
    },
  });
}

/** A spool that was restored from a backup comes to ids again that its later batches have had. */
function isOf(batch: BatchRef, started: unknown): boolean {
  const there = (started as Partial<IngestBatchInput> | undefined)?.batch;
  return there?.sha256 === batch.sha256 && there.events === batch.events;
}

/**
 * Why a start can never succeed as it is: Temporal has refused it for good, or something else is there under its id.
 * Undefined for any other error.
 */
export function refusalOf(error: unknown): string | undefined {
  if (error instanceof HeadgateError && error.code === 'WORKFLOW_FOREIGN') return error.message;
  for (let each = error; each instanceof Error; each = (each as ServiceError).cause)
    if (isGrpcServiceError(each) && each.code === INVALID_ARGUMENT) return each.details || each.message;
  return undefined;
}
