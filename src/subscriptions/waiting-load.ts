import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { clipToJsonBytes } from '../platform/clip.js';

/** How far the loads of a load window are that is late. */
export interface WaitingLoad {
  /** The code of what the last try failed with, such as `WAREHOUSE_QUOTA` or `PAUSED`; absent where none has failed. */
  readonly code?: string;
  /** What the last try came to, in the warehouse's words. */
  readonly lastError?: string;
}

const MAX_ERROR_BYTES = 400;

/** What holds up the load of a window, by the last failure of its activity; undefined where it still collects batches. */
export async function waitingLoad(client: Client, workflowId: string): Promise<WaitingLoad | undefined> {
  const found = await client.workflow
    .getHandle(workflowId)
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
  const [load] = found?.raw.pendingActivities ?? [];
  if (load === undefined) return undefined;
  const { message, applicationFailureInfo } = load.lastFailure ?? {};
  const code = applicationFailureInfo?.type;
  return {
    ...(code && { code }),
    ...(message && { lastError: clipToJsonBytes(message, MAX_ERROR_BYTES) }),
  };
}
