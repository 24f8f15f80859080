import { proxyActivities, sleep } from '@temporalio/workflow';
import type { Activities } from '../../src/activities/index.js';
import type { IngestBatchInput } from '../../src/workflows/messages/batches.js';

/**
 * The workflows after a change that nobody thought through: what they schedule is not what the recorded histories say.
 * Replay must notice.
 */
export async function ingestBatch({ batch, activityQueue }: IngestBatchInput): Promise<void> {
  const { announce } = proxyActivities<Activities>({
    taskQueue: activityQueue,
    startToCloseTimeout: '1 minute',
  });
  await announce([batch]);
}

/** See {@link ingestBatch}: waits for a time that is not in the history, and loads nothing. */
export async function loadWindow(): Promise<void> {
  await sleep('1 second');
  await sleep('1 second');
}

/** See {@link ingestBatch}: waits, and replays nothing. */
export async function replay(): Promise<void> {
  await sleep('1 second');
}

/** See {@link ingestBatch}: waits, and delivers nothing. */
export async function deliver(): Promise<void> {
  await sleep('1 second');
}

/** See {@link ingestBatch}: waits for no signal. */
export async function deadLetter(): Promise<void> {
  await sleep('1 second');
  await sleep('1 second');
}

/** See {@link ingestBatch}: waits, and resolves nothing. */
export async function resolveDeadLetters(): Promise<void> {
  await sleep('1 second');
}

/** See {@link ingestBatch}: waits, and announces nothing. */
export async function reload(): Promise<void> {
  await sleep('1 second');
}
