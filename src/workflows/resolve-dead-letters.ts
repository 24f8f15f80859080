import {
  CancellationScope,
  continueAsNew,
  defineQuery,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { PRIORITY_KEYS } from '../tenants/subscription.js';
import {
  PROGRESS,
  type FoundDeadLetter,
  type ResolveInput,
  type ResolveProgress,
  type ResolveResult,
} from './messages/resolve.js';

/** How far it is. */
const progressQuery = defineQuery<ResolveProgress>(PROGRESS);

/**
 * Dead letters let go per second, at most: each is a workflow that wakes and starts another, of which a small Temporal
 * takes some fifty a second, live traffic included.
 */
const DEAD_LETTERS_PER_SECOND = 5;

type Progress = { -readonly [Key in keyof ResolveProgress]: ResolveProgress[Key] };

/**
 * Redrives or discards all dead letters that a filter matches, at a number of events per second: a few at a time, then a
 * pause as long as their events are to take. Cancelled, it ends after those that it has under way and leaves the rest.
 */
export async function resolveDeadLetters(input: ResolveInput): Promise<ResolveResult> {
  const none: Progress = { matched: 0, matchedEvents: 0, done: 0, events: 0, left: 0 };
  const progress: Progress = { ...none, ...input.soFar?.progress };
  setHandler(progressQuery, () => ({ ...progress }));
  try {
    await resolveAll(input, progress);
    return { ...progress, left: 0, cancelled: false };
  } catch (error) {
    if (!isCancellation(error)) throw error;
    return { ...progress, cancelled: true };
  }
}

async function resolveAll(input: ResolveInput, progress: Progress): Promise<void> {
  const { tenant, filter } = input;
  const { countDeadLetters, findDeadLetters } = counting(input.activityQueue);
  if (input.soFar === undefined) {
    const { deadLetters, events } = await countDeadLetters({ tenant, filter });
    Object.assign(progress, { matched: deadLetters, matchedEvents: events, left: deadLetters });
  }
  const letGo = createLetGo(input, progress);
  let pageToken = input.soFar?.pageToken;
  do {
    const page = await findDeadLetters({ tenant, filter, pageToken });
    pageToken = page.pageToken;
    for (const group of groupsOf(page.found, input.eventsPerSecond)) await letGo(group);
    if (pageToken !== undefined && workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof resolveDeadLetters>({ ...input, soFar: { progress, pageToken } });
  } while (pageToken !== undefined);
}

/** Lets groups go, one after the other, each after the pause that the one before it has earned. */
function createLetGo(
  { tenant, outcome, eventsPerSecond, activityQueue, soFar, ...input }: ResolveInput,
  progress: Progress,
): (group: readonly FoundDeadLetter[]) => Promise<void> {
  const { signalDeadLetters } = signalling(activityQueue);
  const by = { ...input.by, redrive: workflowInfo().workflowId };
  // What the run before has let go last is not known any more: a second is enough after this number.
  let pauseMs = soFar === undefined ? 0 : 1000;
  return async (group) => {
    if (pauseMs > 0) await sleep(pauseMs);
    const workflowIds = group.map(({ workflowId }) => workflowId);
    // Not to be given up half-way, so that the counts are true.
    await CancellationScope.nonCancellable(() => signalDeadLetters({ tenant, outcome, by, workflowIds }));
    const events = eventsOf(group);
    progress.done += group.length;
    progress.events += events;
    progress.left = Math.max(0, progress.matched - progress.done);
    pauseMs = Math.max(1, events / eventsPerSecond) * 1000;
  };
}

/** What is let go together: about a second's worth, one dead letter at least. */
function* groupsOf(
  found: readonly FoundDeadLetter[],
  eventsPerSecond: number,
): Generator<readonly FoundDeadLetter[]> {
  let group: FoundDeadLetter[] = [];
  for (const next of found) {
    const full = group.length >= DEAD_LETTERS_PER_SECOND || eventsOf([...group, next]) > eventsPerSecond;
    if (group.length > 0 && full) {
      yield group;
      group = [];
    }
    group.push(next);
  }
  if (group.length > 0) yield group;
}

function eventsOf(group: readonly FoundDeadLetter[]): number {
  return group.reduce((sum, { count }) => sum + count, 0);
}

const RETRY = { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' } as const;
/** Behind whatever else waits on the tenant's queue. */
const LOW = { priorityKey: PRIORITY_KEYS.low };

function counting(taskQueue: string): Pick<Activities, 'countDeadLetters' | 'findDeadLetters'> {
  return proxyActivities<Activities>({
    taskQueue,
    // Counting pages through all of them, and says so page by page.
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: '30 seconds',
    retry: RETRY,
    priority: LOW,
  });
}

function signalling(taskQueue: string): Pick<Activities, 'signalDeadLetters'> {
  return proxyActivities<Activities>({
    taskQueue,
    startToCloseTimeout: '30 seconds',
    retry: RETRY,
    priority: LOW,
  });
}
