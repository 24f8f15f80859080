import {
  WorkflowExecutionAlreadyStartedError,
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { workflowInput } from './workflow-input.js';
import { HeadgateError } from '../errors.js';
import { TENANT } from '../tenants/search-attributes.js';

/** What a workflow of Headgate's must be, to be the one that is meant. */
export interface OwnWorkflow {
  /** Workflow type. */
  readonly type: string;
  readonly tenant: string;
}

/** Whether a workflow is of this type, and of this tenant by its search attribute. Its id alone says neither. */
export function isOwn(
  found: Pick<WorkflowExecutionDescription, 'type' | 'typedSearchAttributes'>,
  { type, tenant }: OwnWorkflow,
): boolean {
  return found.type === type && found.typedSearchAttributes.get(TENANT) === tenant;
}

/** How {@link startOnce} starts, beside the options of Temporal's own start. */
export interface StartOnceOptions extends OwnWorkflow {
  readonly start: WorkflowStartOptions & { readonly workflowId: string };
  /** Looks at the input of the workflow that is there: is it this one? Default: its id, type and tenant are enough. */
  readonly isSame?: (input: unknown) => boolean;
}

/**
 * Starts a workflow whose id names what it is about. One that is there already is no error if it is the same one: an
 * attempt before a crash has started it, or one whose answer was lost.
 * @returns whether this call has started it
 * @throws HeadgateError `WORKFLOW_FOREIGN`: something else runs, or has run, under its id
 * @throws ServiceError: Temporal is away, or has refused it
 */
export async function startOnce(client: Client, options: StartOnceOptions): Promise<boolean> {
  try {
    await client.workflow.start(options.type, options.start);
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const { workflowId } = options.start;
  const found = await assertOwn(client, workflowId, options);
  const { isSame } = options;
  if (isSame !== undefined && !isSame(await workflowInput(client, found)))
    throw foreign(workflowId, `is a ${found.type} of this tenant with another input`);
  return false;
}

/**
 * Asserts that the workflow under an id is what is meant to be there.
 * @throws HeadgateError `WORKFLOW_FOREIGN`
 * @throws WorkflowNotFoundError
 */
export async function assertOwn(
  client: Client,
  workflowId: string,
  own: OwnWorkflow,
): Promise<WorkflowExecutionDescription> {
  const found = await client.workflow.getHandle(workflowId).describe();
  if (isOwn(found, own)) return found;
  const of = found.typedSearchAttributes.get(TENANT) ?? 'nobody';
  throw foreign(workflowId, `is a ${JSON.stringify(found.type.slice(0, 100))} of ${of}`);
}

function foreign(workflowId: string, what: string): HeadgateError {
  return new HeadgateError(
    'WORKFLOW_FOREIGN',
    `What Temporal has under the workflow id ${workflowId} ${what}: Headgate has not started it. Delete it, and try again.`,
    // Only a person can delete it.
    { retryable: true },
  );
}
