import { Context } from '@temporalio/activity';

/**
 * Tells Temporal every now and then that the work goes on, and how far it is; its answer is how a cancellation reaches the
 * signal that the work gets. Called as a plain function, as in-process callers and tests do, it only works.
 * @param intervalMs well under the activity's heartbeat timeout
 */
export async function whileHeartbeating<T>(
  intervalMs: number,
  work: (signal?: AbortSignal) => Promise<T>,
  details?: () => unknown,
): Promise<T> {
  const context = activityContext();
  if (!context) return work();
  const timer = setInterval(() => context.heartbeat(details?.()), intervalMs);
  try {
    return await work(context.cancellationSignal);
  } finally {
    clearInterval(timer);
  }
}

function activityContext(): Context | undefined {
  try {
    return Context.current();
  } catch {
    return undefined;
  }
}
