import { WorkflowNotFoundError, type WorkflowExecutionDescription } from '@temporalio/client';
import { askTemporal } from '../temporal/ask-temporal.js';
import { HeadgateError } from '../errors.js';
import { workflowIdOfDeadLetter } from '../tenants/workflow-ids.js';
import {
  DEAD_LETTER,
  DISCARD,
  REDRIVE,
  type DeadLetterMemo,
  type DeadReason,
  type Resolution,
  type Resolved,
} from '../workflows/messages/deliveries.js';
import { isBeyondRedrive } from '../workflows/messages/ingest-dead-letter.js';
import { findOwn } from './find.js';
import type { DeadLetterOptions } from './options.js';
import { resolutionOf, type DeadLetterResolution } from './resolution.js';

/** A dead letter that was redriven or discarded. */
export interface ResolvedDeadLetter extends Resolved {
  readonly id: string;
  readonly workflowId: string;
}

/**
 * Redrives or discards one dead letter. Asked again by the same person for the same reason it answers as before.
 * @throws HeadgateError `NOT_FOUND`; `DEAD_LETTER_RESOLVED`: somebody was faster, or it has expired, see its details;
 * `DEAD_LETTER_UNREADABLE`: there is nothing left to redrive; `ENGINE_UNAVAILABLE`: it may have been done, ask again
 */
export async function resolveDeadLetter(
  options: DeadLetterOptions,
  tenant: string,
  id: string,
  outcome: Resolved['outcome'],
  by: Resolution,
): Promise<ResolvedDeadLetter> {
  const workflowId = workflowIdOfDeadLetter(tenant, id);
  const found = await findOwn(options, tenant, workflowId, DEAD_LETTER);
  if (outcome === 'redriven') assertRedrivable((found.memo as unknown as DeadLetterMemo).reason);
  const resolved = await signalled(options, found, outcome, by);
  if (resolved?.outcome === outcome && isSame(resolved.by, by)) return { id, workflowId, outcome, by };
  throw alreadyResolved(resolved);
}

/**
 * Asserts that dead letters of a reason can be redriven.
 * @throws HeadgateError `DEAD_LETTER_UNREADABLE`
 */
export function assertRedrivable(reason: DeadReason | undefined): void {
  if (reason === undefined || !isBeyondRedrive(reason)) return;
  throw new HeadgateError(
    'DEAD_LETTER_UNREADABLE',
    `Dead letters of the reason ${reason} cannot be redriven: their events are damaged, and nothing is left to deliver. Discard them, or have them sent again.`,
  );
}

/** Signals it, and asks which signal was the first; a workflow answers after it has taken all signals up. */
async function signalled(
  options: DeadLetterOptions,
  found: WorkflowExecutionDescription,
  outcome: Resolved['outcome'],
  by: Resolution,
): Promise<DeadLetterResolution | undefined> {
  const { client } = options;
  if (found.status.name !== 'RUNNING') return resolutionOf(options, found);
  const { workflowId, runId } = found;
  const handle = client.workflow.getHandle(workflowId, runId);
  try {
    await askTemporal(client, () => handle.signal(outcome === 'redriven' ? REDRIVE : DISCARD, by));
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  return resolutionOf(options, await askTemporal(client, () => handle.describe()));
}

function isSame(one: Resolution | undefined, other: Resolution): boolean {
  return one?.actor === other.actor && one.reason === other.reason && one.redrive === other.redrive;
}

function alreadyResolved(resolution: DeadLetterResolution | undefined): HeadgateError {
  const { outcome = 'ended', by } = resolution ?? {};
  const who = by === undefined ? '' : ` by ${by.actor}`;
  return new HeadgateError('DEAD_LETTER_RESOLVED', `This dead letter is ${outcome} already${who}.`, {
    details: { outcome, ...(by !== undefined && { by }) },
  });
}
