import type { WorkflowExecutionDescription } from '@temporalio/client';
import { workflowPage, type TemporalUi } from './workflow-page.js';

/** How far a workflow is. */
export interface WorkflowProgress {
  readonly workflowId: string;
  readonly runId: string;
  /** Temporal's status in lower case: `running`, `completed`, `failed`, … */
  readonly status: string;
  readonly startedAt: string;
  readonly closedAt?: string;
  /** The workflow's page in the Temporal UI, where one is known. */
  readonly url?: string;
}

/** How far a workflow is, by what Temporal says of it. */
export function progressOf(description: WorkflowExecutionDescription, ui: TemporalUi): WorkflowProgress {
  const { workflowId, runId, startTime, closeTime } = description;
  const url = workflowPage(ui, workflowId, runId);
  return {
    workflowId,
    runId,
    status: description.status.name.toLowerCase(),
    startedAt: startTime.toISOString(),
    ...(closeTime !== undefined && { closedAt: closeTime.toISOString() }),
    ...(url !== undefined && { url }),
  };
}
