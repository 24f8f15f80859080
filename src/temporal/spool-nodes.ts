import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { askTemporal } from './ask-temporal.js';

/** Where a spool is. For people. */
export interface SpoolPlace {
  readonly host: string;
  /** Path of the data directory. */
  readonly path: string;
}

/**
 * The type of workflows that say which spools there are, `headgate.spool.<node>` each. They have no Worker, and run until the
 * spool has nothing that is not in batches and its process ends. No tenant can start one of this id: theirs have a slash.
 */
export const SPOOL_WORKFLOW = 'headgate.spool';

const SUMMARY =
  'Says that a spool may hold acknowledged events that are not in batches yet. Does nothing; terminate it only if that spool is gone for good.';
const ID = /^headgate\.spool\.([0-9a-f]{8})$/;

/**
 * Says that a spool may hold what is in no batch yet. May be called again.
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function registerSpool(client: Client, node: string, place: SpoolPlace): Promise<void> {
  await askTemporal(client, () =>
    client.workflow.start(SPOOL_WORKFLOW, {
      workflowId: idOf(node),
      taskQueue: SPOOL_WORKFLOW,
      memo: { ...place },
      staticSummary: SUMMARY,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
  );
}

/**
 * Says that a spool holds no such thing any more, and takes nothing.
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function unregisterSpool(client: Client, node: string): Promise<void> {
  await askTemporal(client, async () => {
    const handle = client.workflow.getHandle(idOf(node));
    await handle.terminate('all of it is in batches').catch((error: unknown) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    });
  });
}

/**
 * The nodes whose spools are registered in the namespace.
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function registeredSpools(client: Client): Promise<string[]> {
  return askTemporal(client, async () => {
    const nodes: string[] = [];
    const query = `WorkflowType = '${SPOOL_WORKFLOW}' AND ExecutionStatus = 'Running'`;
    for await (const { workflowId } of client.workflow.list({ query })) {
      const [, node] = ID.exec(workflowId) ?? [];
      if (node !== undefined) nodes.push(node);
    }
    return nodes;
  });
}

function idOf(node: string): string {
  return `${SPOOL_WORKFLOW}.${node}`;
}
