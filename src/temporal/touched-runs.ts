import { WorkflowNotFoundError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import { askTemporal } from './ask-temporal.js';

/** A run that was touched, and how long its history was when that was noticed. */
export interface TouchedRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly historyLength: number;
}

/**
 * The type of workflows that say which runs were touched. They have no Worker, and run until that is in the audit log: so
 * Workers, wherever they are, need nothing but Temporal to say it.
 */
const TOUCHED_WORKFLOW = 'headgate.touched';

const SUMMARY = 'Says that a workflow was signalled, cancelled or reset. Ends when that is in the audit log.';
/** Nobody may come to read it: the history it is about would be gone too. */
const READ_WITHIN = '30 days';

/** Says that a run was touched. May be said again. @throws HeadgateError `ENGINE_UNAVAILABLE` */
export async function tellTouched(client: Client, touched: TouchedRun): Promise<void> {
  await askTemporal(client, () =>
    client.workflow.start(TOUCHED_WORKFLOW, {
      workflowId: `${TOUCHED_WORKFLOW}/${touched.runId}/${touched.historyLength}`,
      taskQueue: TOUCHED_WORKFLOW,
      memo: { ...touched },
      staticSummary: SUMMARY,
      workflowExecutionTimeout: READ_WITHIN,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
  );
}

/** A touched run that a Worker has reported. */
export interface ToldRun extends TouchedRun {
  /** To be called when what was done is on disk. @throws HeadgateError `ENGINE_UNAVAILABLE` */
  done(): Promise<void>;
}

/** Some of the touched runs, at most `limit`. @throws HeadgateError `ENGINE_UNAVAILABLE` */
export async function touchedRuns(client: Client, limit: number): Promise<ToldRun[]> {
  return askTemporal(client, async () => {
    const runs: ToldRun[] = [];
    const query = `WorkflowType = '${TOUCHED_WORKFLOW}' AND ExecutionStatus = 'Running'`;
    for await (const told of client.workflow.list({ query, pageSize: limit })) {
      runs.push({ ...touchedIn(told), done: () => done(client, told) });
      if (runs.length >= limit) break;
    }
    return runs;
  });
}

function touchedIn({ memo }: WorkflowExecutionInfo): TouchedRun {
  const { workflowId, runId, historyLength } = memo ?? {};
  return { workflowId: String(workflowId), runId: String(runId), historyLength: Number(historyLength) };
}

async function done(client: Client, { workflowId, runId }: WorkflowExecutionInfo): Promise<void> {
  await askTemporal(client, () =>
    client.workflow.getHandle(workflowId, runId).terminate('it is in the audit log'),
  ).catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  });
}
