import {
  ActivityFailure,
  ApplicationFailure,
  TimeoutFailure,
  continueAsNew,
  defineQuery,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { SpoolWait } from './await-spools.js';
import {
  NO_COUNTS,
  PROGRESS,
  addCounts,
  type ReplayCounts,
  type ReplayInput,
  type ReplayProgress,
  type ReplayReport,
  type UnbatchedEvents,
} from './messages/replays.js';
import { incompleteNotes } from './messages/unbatched-events.js';

/** How far the replay is. */
const progressQuery = defineQuery<ReplayProgress>(PROGRESS);

/**
 * A tenant's kept events run again: delivered, page by page, or decided on again. Each activity is idempotent (deliveries
 * and decisions have names that follow from the replay and the batch), so the workflow may be retried, cancelled and reset
 * at any point. Its activities keep its rate. It begins once what was acknowledged before it is in batches.
 */
export async function replay(input: ReplayInput): Promise<ReplayReport> {
  let counts = input.soFar ?? NO_COUNTS;
  const spools = new SpoolWait(input);
  setHandler(progressQuery, () => ({
    ...counts,
    ...(spools.isOn ? { phase: 'batching', waitsFor: spools.waitsFor() } : { phase: 'range' }),
  }));
  const unbatched = await spools.run();
  const begun = { ...input, spools: undefined, ...(unbatched.length > 0 && { unbatched }) };
  const { replayPage, redecide } = activitiesOf(input.activityQueue);
  if (input.dryRun || input.task.kind === 'decide') {
    const report = await (input.stateQueue === undefined
      ? redecide(begun)
      : redecideAt(input.stateQueue, begun));
    counts = report;
    return withUnbatched({ ...report, seconds: secondsSince(input) }, unbatched);
  }
  for (let { cursor } = input; ;) {
    const page = await replayPage({ ...begun, cursor, soFar: counts });
    counts = addCounts(counts, page.counts);
    ({ cursor } = page);
    if (cursor === undefined) return withUnbatched(reportOf(input, counts), unbatched);
    if (workflowInfo().continueAsNewSuggested)
      return continueAsNew<typeof replay>({ ...begun, cursor, soFar: counts });
  }
}

const USUAL = {
  // They say every few seconds how far they are; a lost process is noticed by that, and a cancellation arrives by it.
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
} as const;
/** Reads all that is kept, at the rate that was asked for. */
const REDECIDE_WITHIN = '7 days';

function activitiesOf(taskQueue: string): Pick<Activities, 'replayPage' | 'redecide'> {
  const usual = { ...USUAL, taskQueue };
  return {
    replayPage: proxyActivities<Activities>({ ...usual, startToCloseTimeout: '10 minutes' }).replayPage,
    redecide: proxyActivities<Activities>({ ...usual, startToCloseTimeout: REDECIDE_WITHIN }).redecide,
  };
}

/**
 * Decides again where the state is, which only one process has.
 * @throws ApplicationFailure `STATE_ELSEWHERE`: that process does not take it up
 */
async function redecideAt(
  stateQueue: string,
  input: ReplayInput,
): Promise<Awaited<ReturnType<Activities['redecide']>>> {
  const { redecide } = proxyActivities<Activities>({
    ...USUAL,
    taskQueue: stateQueue,
    startToCloseTimeout: REDECIDE_WITHIN,
    // A restart or an upgrade takes minutes. A data directory that nobody serves any more must not keep it for ever.
    scheduleToStartTimeout: '1 hour',
  });
  try {
    return await redecide(input);
  } catch (error) {
    if (!isNotTakenUp(error)) throw error;
    throw ApplicationFailure.nonRetryable(
      'The process that owns the state has not taken this replay up within an hour. Start `headgate api` (or `headgate start`) on the data directory that the replay was asked of, and the replay again: it makes current what is not yet.',
      'STATE_ELSEWHERE',
    );
  }
}

function isNotTakenUp(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START';
}

function reportOf(input: ReplayInput, counts: ReplayCounts): ReplayReport {
  return { ...counts, dryRun: false, seconds: secondsSince(input), notes: [] };
}

/** A replay that something acknowledged is missing from says so. */
function withUnbatched(report: ReplayReport, unbatched: readonly UnbatchedEvents[]): ReplayReport {
  if (unbatched.length === 0) return report;
  return { ...report, unbatched, notes: [...report.notes, ...incompleteNotes(unbatched)] };
}

function secondsSince({ requestedAt }: ReplayInput): number {
  return Math.max(0, Date.now() - requestedAt) / 1000;
}
