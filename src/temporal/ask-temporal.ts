import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { HeadgateError } from '../errors.js';

const DEADLINE_MS = 5_000;

/**
 * Asks Temporal something that somebody waits for.
 * @throws HeadgateError `ENGINE_UNAVAILABLE` when it does not answer within 5 seconds, or refuses
 * @throws WorkflowNotFoundError
 */
export async function askTemporal<T>(client: Client, ask: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + DEADLINE_MS, ask);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof HeadgateError) throw error;
    throw new HeadgateError('ENGINE_UNAVAILABLE', 'Temporal does not answer.', {
      retryable: true,
      retryAfterSeconds: 5,
      cause: error,
    });
  }
}
