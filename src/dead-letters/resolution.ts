import type { WorkflowExecutionDescription } from '@temporalio/client';
import { askTemporal } from '../temporal/ask-temporal.js';
import {
  RESOLUTION,
  type DeadLetterResult,
  type DeliverResult,
  type Resolution,
  type Resolved,
} from '../workflows/messages/deliveries.js';
import type { DeadLetterOptions } from './options.js';

/** What became of a dead letter. */
export interface DeadLetterResolution {
  /** `ended` when its workflow was ended by hand. */
  readonly outcome: DeadLetterResult['outcome'] | 'ended';
  readonly by?: Resolution;
  /** What came of the redrive, once it is through. */
  readonly delivery?: DeliverResult;
}

/** What became of a dead letter; undefined while it waits. */
export async function resolutionOf(
  { client }: Pick<DeadLetterOptions, 'client'>,
  { workflowId, runId, status }: WorkflowExecutionDescription,
): Promise<DeadLetterResolution | undefined> {
  const handle = client.workflow.getHandle(workflowId, runId);
  if (status.name === 'COMPLETED')
    return askTemporal(client, () => handle.result() as Promise<DeadLetterResult>);
  if (status.name !== 'RUNNING') return { outcome: 'ended' };
  const resolved = await askTemporal(client, () => handle.query<Resolved | null>(RESOLUTION));
  return resolved ?? undefined;
}
