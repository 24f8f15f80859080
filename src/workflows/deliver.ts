import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  TimeoutFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import {
  PROGRESS,
  RESUMED,
  REVIEW,
  type DeadLines,
  type DeliverInput,
  type DeliverProgress,
  type DeliverResult,
  type PassInput,
  type PassResult,
  type PendingLines,
} from './messages/deliveries.js';

/** Its subscription has been resumed. */
const resumedSignal = defineSignal<[number]>(RESUMED);
/** Its subscription may be gone. */
const reviewSignal = defineSignal(REVIEW);
/** How far the delivery is. */
const progressQuery = defineQuery<DeliverProgress>(PROGRESS);

/** What Temporal's Workers call an activity that they do not have. */
const UNREGISTERED = 'NotFoundError';
/** A Worker of another version may have taken it. */
const UNKNOWN_AGAIN_MS = 2_000;

/**
 * One batch on its way to one subscription: passes over what is pending, and pauses between them, until every event is
 * delivered or a dead letter. What waits for the subscription waits in its queue, whose rate is 0 while it is paused.
 */
export async function deliver(input: DeliverInput): Promise<DeliverResult> {
  const { pending: left, soFar, lines, count, ...delivery } = input;
  const result = { ...(soFar ?? { delivered: 0, deadLettered: 0, passes: 0, deadLetters: [] }) };
  let pending: readonly PendingLines[] = left ?? [{ attempts: 0, lines, count }];
  setHandler(progressQuery, () => ({
    soFar: result,
    pending: pending.map((group) => ({ attempts: group.attempts, count: group.count, dueAt: group.dueAt })),
  }));
  let resumedAt = 0;
  // By Temporal's clock at most: after one of a clock that is ahead, no later resume would count.
  setHandler(resumedSignal, (at) => {
    resumedAt = Math.max(resumedAt, Math.min(Number(at) || 0, Date.now()));
  });
  let toReview = false;
  let passing: CancellationScope | undefined;
  setHandler(reviewSignal, () => {
    toReview = true;
    // Nobody may ever take the pass up; one that is under way comes back with what it has done.
    passing?.cancel();
  });
  let { kind } = input;
  const { deadLetter, reviewWaiting } = ownActivities(input.activityQueue);
  const deadLetterAll = (all: readonly DeadLines[]) =>
    deadLetterInto(result, all, (dead, part) => deadLetter({ delivery, dead, passes: result.passes, part }));

  while (pending.length > 0) {
    if (workflowInfo().continueAsNewSuggested && !toReview)
      return continueAsNew<typeof deliver>({ ...input, kind, pending, soFar: result });
    const { tenant, subscription, batch, cause, priority } = input;
    const named = { tenant, subscription, batch, pass: result.passes + 1, cause, priority };
    const passInput: PassInput = { ...named, pending, ...(resumedAt > 0 && { resumedAt }) };
    const knewOf = resumedAt;
    passing = new CancellationScope();
    let unknown = false;
    const done =
      Date.now() < input.expiresAt && !toReview
        ? await passing
            .run(() => passOf({ ...input, kind })(passInput))
            .catch((error: unknown) => {
              unknown = isUnregistered(error);
              return unknown ? undefined : unlessWaiting(error, toReview);
            })
        : undefined;
    if (done === undefined) {
      toReview = false;
      const expired = Date.now() >= input.expiresAt;
      const reviewed = await reviewWaiting({ delivery, pending, expired });
      await deadLetterAll(reviewed.dead);
      pending = reviewed.pending;
      if (unknown && pending.length > 0 && (reviewed.kind ?? kind) === kind) await sleep(UNKNOWN_AGAIN_MS);
      kind = reviewed.kind ?? kind;
      continue;
    }
    result.passes++;
    result.delivered += done.delivered;
    await deadLetterAll(done.dead);
    pending = done.pending;
    if (pending.length > 0 && done.retryAfterMs !== undefined)
      await pause(done.retryAfterMs, () => toReview || resumedAt > knewOf);
    if (resumedAt > knewOf) pending = pending.map((group) => ({ ...group, dueAt: undefined }));
  }
  return result;
}

/** Makes dead letters of what is given up, and counts them. */
async function deadLetterInto(
  result: Writable<DeliverResult>,
  groups: readonly DeadLines[],
  deadLetterEvents: (dead: DeadLines, part: number) => Promise<string>,
): Promise<void> {
  for (const [part, dead] of groups.entries()) {
    const deadLetter = await deadLetterEvents(dead, part);
    result.deadLetters = [...result.deadLetters, deadLetter];
    result.deadLettered += dead.count;
  }
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Until the time is over, or there is reason to go on. */
async function pause(ms: number, goesOn: () => boolean): Promise<void> {
  if (ms > 0) await condition(goesOn, ms);
  else await sleep(ms);
}

/** The activity that makes a pass, on the subscription's own queue. A failure of it is ours or the machine's: it is made again. */
function passOf({ kind, queue }: DeliverInput): (input: PassInput) => Promise<PassResult> {
  const pass = proxyActivities<Activities>({
    taskQueue: queue,
    // Its subscription may be paused, or be gone: that is looked at now and then.
    scheduleToStartTimeout: '1 day',
    // Passes to receivers end after a minute; consumers take their time, and say that they are there.
    startToCloseTimeout: kind === 'pull' ? '31 days' : '5 minutes',
    // A pass says every few seconds how far it is; what a lost process held is handed out again after it,
    // and at once where a process starts on its data directory.
    heartbeatTimeout: '30 seconds',
    retry: {
      initialInterval: '1 second',
      backoffCoefficient: 2,
      maximumInterval: '30 seconds',
      // The subscription is of another kind now: see what it is.
      nonRetryableErrorTypes: [UNREGISTERED],
    },
    // One that is called off tells what it has done; by default nobody would wait for that.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  return { push: pass.pushPass, pull: pass.pullPass, workflow: pass.workflowPass }[kind];
}

/** On the tenant's queue: they only write and start workflows, for as long as it takes. */
function ownActivities(taskQueue: string) {
  // `park` is the name by which histories know the activity.
  const { park: deadLetter, reviewWaiting } = proxyActivities<Activities>({
    taskQueue,
    startToCloseTimeout: '30 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
  return { deadLetter, reviewWaiting };
}

/** Who takes from the queue does not know this pass. */
function isUnregistered(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === UNREGISTERED;
}

/** Undefined for a pass that nobody has taken up, or that was called off to look at its subscription. */
function unlessWaiting(error: unknown, calledOff: boolean): undefined {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START') return undefined;
  if (calledOff && isCancellation(error)) return undefined;
  throw error;
}
