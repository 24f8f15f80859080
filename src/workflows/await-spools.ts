import {
  ActivityFailure,
  TimeoutFailure,
  isCancellation,
  patched,
  proxyActivities,
} from '@temporalio/workflow';
import type { BatchedActivities } from '../activities/replay/await-batched.js';
import { INPUT_STREAMS } from '../events/event.js';
import {
  SPOOL_WAIT_MS,
  untilOf,
  type AwaitBatchedResult,
  type ReplayInput,
  type ReplayProgress,
  type SpoolRef,
  type UnbatchedEvents,
} from './messages/replays.js';
import { inSpool, spoolAway } from './messages/unbatched-events.js';

/** An attempt ends its own wait; one that does not by then, or that is killed, is given up. */
const ANSWERS_WITHIN_MS = 60_000;

/** In histories of replays that wait. */
const PATCH = 'await-spools';

/** Waits for the spools that may hold acknowledged events of a replay's range. */
export class SpoolWait {
  private readonly awaited: Set<SpoolRef>;

  constructor(private readonly input: ReplayInput) {
    // A worker of version 0.1.0 may have begun it, and waited for nothing.
    const waits = input.spools !== undefined && patched(PATCH);
    this.awaited = new Set(waits ? input.spools : []);
  }

  /** True until each spool has nothing left, or has been given up. */
  get isOn(): boolean {
    return this.awaited.size > 0;
  }

  /** What is waited for, as far as it is known here: heartbeats tell more. */
  waitsFor(): readonly UnbatchedEvents[] {
    return [...this.awaited].map(({ node }) => spoolAway(node));
  }

  /** What is given up: the replay goes on without. */
  async run(): Promise<readonly UnbatchedEvents[]> {
    const left = await Promise.all([...this.awaited].map((spool) => this.waitFor(spool)));
    return [...(this.input.unbatched ?? []), ...left.filter((each) => each !== undefined)];
  }

  private async waitFor(spool: SpoolRef): Promise<UnbatchedEvents | undefined> {
    const { tenant, spoolWaitMs: waitMs = SPOOL_WAIT_MS } = this.input;
    const until = untilOf(this.input);
    const { awaitBatched } = activitiesOf(spool, waitMs);
    try {
      const left = await awaitBatched({ tenant, streams: streamsOf(this.input), until, waitMs });
      return left.events === 0 ? undefined : inSpool(spool.node, left);
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      const said = lastSaid(error);
      return said === undefined ? spoolAway(spool.node) : inSpool(spool.node, said);
    } finally {
      this.awaited.delete(spool);
    }
  }
}

function activitiesOf({ queue: taskQueue }: SpoolRef, waitMs: number): BatchedActivities {
  return proxyActivities<BatchedActivities>({
    taskQueue,
    scheduleToStartTimeout: waitMs,
    scheduleToCloseTimeout: waitMs + ANSWERS_WITHIN_MS,
    heartbeatTimeout: '30 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
  });
}

/** To decide on events, what is known of subjects counts as well. */
function streamsOf({ dryRun, task, range: { stream } }: ReplayInput): AwaitStreams {
  return dryRun || task.kind === 'decide' || stream === undefined ? INPUT_STREAMS : [stream];
}

type AwaitStreams = readonly (typeof INPUT_STREAMS)[number][];

function lastSaid({ cause }: ActivityFailure): AwaitBatchedResult | undefined {
  if (!(cause instanceof TimeoutFailure)) return undefined;
  const [said] = (cause.lastHeartbeatDetails as ReplayProgress | undefined)?.waitsFor ?? [];
  return said?.events === undefined ? undefined : { ...said, events: said.events };
}
