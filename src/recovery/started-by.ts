import proto from '@temporalio/proto';
import type { Client } from '@temporalio/client';
import { atOnce } from '../platform/at-once.js';

/** An activity that a process had begun on, by the ids that Temporal knows it by. */
export interface StartedActivity {
  readonly workflowId: string;
  readonly runId: string;
  readonly activityId: string;
}

const { PENDING_ACTIVITY_STATE_STARTED } = proto.temporal.api.enums.v1.PendingActivityState;

/** Workflows that are looked at, the youngest first: with more open ones the search is not worth its time. */
const MAX_WORKFLOWS = 500;
const SIDE_BY_SIDE = 8;
const WITHIN_MS = 5_000;
/**
 * An attempt is looked at only while nobody else can have been given its task: every activity of ours has 30 s at least
 * from its start or its last heartbeat. Five of them are for the way, and for clocks that differ.
 */
const OURS_FOR_MS = 25_000;

/**
 * Activities that Temporal takes for running in the process that had this identity. Bounded in workflows and in time, and
 * so not complete; what Temporal does not answer is not in it.
 */
export async function startedBy(
  client: Client,
  identity: string,
  signal: AbortSignal,
): Promise<StartedActivity[]> {
  const found: StartedActivity[] = [];
  const deadline = Date.now() + WITHIN_MS;
  await atOnce(SIDE_BY_SIDE, await newestWorkflows(client, deadline), async ({ workflowId, runId }) => {
    if (signal.aborted) return;
    const handle = client.workflow.getHandle(workflowId, runId);
    const described = await client.withDeadline(deadline, () => handle.describe()).catch(() => undefined);
    for (const activity of described?.raw.pendingActivities ?? [])
      if (isHeldBy(activity, identity))
        found.push({ workflowId, runId, activityId: activity.activityId ?? '' });
  });
  return found;
}

type Pending = proto.temporal.api.workflow.v1.IPendingActivityInfo;

async function newestWorkflows(
  client: Client,
  deadline: number,
): Promise<readonly { workflowId: string; runId: string }[]> {
  const newest: { workflowId: string; runId: string }[] = [];
  const listed = client.workflow.list({ query: `ExecutionStatus = 'Running'`, pageSize: MAX_WORKFLOWS });
  await client
    .withDeadline(deadline, async () => {
      for await (const { workflowId, runId } of listed) {
        newest.push({ workflowId, runId });
        if (newest.length >= MAX_WORKFLOWS) return;
      }
    })
    .catch(() => undefined);
  return newest;
}

function isHeldBy(activity: Pending, identity: string): boolean {
  const { state, lastWorkerIdentity, lastStartedTime, lastHeartbeatTime } = activity;
  if (state !== PENDING_ACTIVITY_STATE_STARTED || lastWorkerIdentity !== identity) return false;
  const seenAt = Math.max(millisOf(lastStartedTime), millisOf(lastHeartbeatTime));
  return Date.now() - seenAt < OURS_FOR_MS;
}

function millisOf(time: proto.google.protobuf.ITimestamp | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;
}
