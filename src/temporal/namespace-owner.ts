import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { askTemporal } from './ask-temporal.js';

/** Whose a namespace is, as kept in Temporal. */
export interface NamespaceOwner {
  /** The id of the data directory. */
  readonly directory: string;
  /** The host that it was last started on, and its path there. For people, and to find it on the same host. */
  readonly host: string;
  readonly path: string;
  /** The id of the batch store that batches of this namespace are in. */
  readonly store: string;
  /** When it got the namespace, or was last moved: ISO 8601, UTC. */
  readonly since: string;
}

/** An owner, and the run that says so. */
export interface NamespaceClaim {
  readonly owner: NamespaceOwner;
  readonly runId: string;
}

/**
 * The workflow whose memo is the claim. It has no Worker, and runs until it is terminated: Temporal lets one workflow of an id
 * run, so of two that claim at once one does. No tenant can start one of this id: theirs have a slash.
 */
export const OWNER_WORKFLOW = 'headgate.owner';

const SUMMARY = 'Says which data directory this namespace belongs to. Does nothing; leave it running.';

/**
 * Whose the namespace is; undefined while it is nobody's.
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function readNamespaceClaim(client: Client): Promise<NamespaceClaim | undefined> {
  return askTemporal(client, async () => {
    const described = await client.workflow.getHandle(OWNER_WORKFLOW).describe().catch(unlessNotFound);
    if (described?.status.name !== 'RUNNING') return undefined;
    return { owner: ownerOf(described.memo), runId: described.runId };
  });
}

/**
 * Claims a namespace that is nobody's.
 * @returns false when somebody was faster
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function startNamespaceClaim(client: Client, owner: NamespaceOwner): Promise<boolean> {
  return askTemporal(client, async () => {
    try {
      await client.workflow.start(OWNER_WORKFLOW, {
        workflowId: OWNER_WORKFLOW,
        taskQueue: OWNER_WORKFLOW,
        memo: { ...owner },
        staticSummary: SUMMARY,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
      });
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  });
}

/**
 * Puts an owner in the place of the one that was read. A crash in between leaves the namespace nobody's, for the next start.
 * @returns false when the namespace has changed hands since it was read
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function replaceNamespaceClaim(
  client: Client,
  { runId }: NamespaceClaim,
  owner: NamespaceOwner,
): Promise<boolean> {
  const ended = await askTemporal(client, async () => {
    const handle = client.workflow.getHandle(OWNER_WORKFLOW, runId);
    return handle.terminate('the namespace has a new owner').then(() => true, unlessNotFound);
  });
  return ended === true && startNamespaceClaim(client, owner);
}

function unlessNotFound(error: unknown): undefined {
  if (error instanceof WorkflowNotFoundError) return undefined;
  throw error;
}

/** What is not there, or is not text, is empty: it is then nobody's directory, and nobody else may take it by chance. */
function ownerOf(memo: Readonly<Record<string, unknown>> | undefined): NamespaceOwner {
  const text = (name: keyof NamespaceOwner): string => {
    const value = memo?.[name];
    return typeof value === 'string' ? value : '';
  };
  return {
    directory: text('directory'),
    host: text('host'),
    path: text('path'),
    store: text('store'),
    since: text('since'),
  };
}
