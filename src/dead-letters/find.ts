import { WorkflowNotFoundError, type WorkflowExecutionDescription } from '@temporalio/client';
import { askTemporal } from '../temporal/ask-temporal.js';
import { HeadgateError } from '../errors.js';
import { isOwn } from '../temporal/start-once.js';
import type { DeadLetterOptions } from './options.js';

/**
 * A workflow of a tenant, by an id that was built from that tenant.
 * @param type the workflow type it has to be of
 * @throws HeadgateError `NOT_FOUND`: there is none, it is of another type, or of another tenant by its search attribute
 */
export async function findOwn(
  { client }: Pick<DeadLetterOptions, 'client'>,
  tenant: string,
  workflowId: string,
  type: string,
): Promise<WorkflowExecutionDescription> {
  try {
    const found = await askTemporal(client, () => client.workflow.getHandle(workflowId).describe());
    if (isOwn(found, { type, tenant })) return found;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  throw new HeadgateError(
    'NOT_FOUND',
    'There is none of this id, or it is older than Temporal keeps histories.',
  );
}
