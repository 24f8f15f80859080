import {
  WorkflowExecutionAlreadyStartedError,
  isGrpcServiceError,
  type Client,
  type ServiceError,
} from '@temporalio/client';
import { searchAttributesOf } from './search-attributes.js';
import { batchWorkflowId, workflowQueue, type Isolation } from './tenant.js';
import {
  INGEST_BATCH,
  WORKFLOW_TASK_TIMEOUT,
  batchSummary,
  type IngestBatchInput,
} from './workflows/messages.js';

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
 * @throws ServiceError: Temporal is away, or has refused it, see {@link refusalOf}
 */
export async function startBatch(
  { client, isolationOf, eager = false }: StartBatchOptions,
  input: IngestBatchInput,
): Promise<void> {
  const { tenant, stream, batchId } = input.batch;
  try {
    await client.workflow.start(INGEST_BATCH, {
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
    });
  } catch (error) {
    // An attempt before a crash, or one whose answer was lost, has started it.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** What Temporal said of a start it has refused for good; undefined for any other error. */
export function refusalOf(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = (each as ServiceError).cause)
    if (isGrpcServiceError(each) && each.code === INVALID_ARGUMENT) return each.details || each.message;
  return undefined;
}
