import { WorkflowNotFoundError, type WorkflowExecutionDescription } from '@temporalio/client';
import { askTemporal } from '../engine/ask-temporal.js';
import { HeadgateError } from '../errors.js';
import { workflowIdOfDeadLetter } from '../tenant.js';
import {
  DEAD_LETTER,
  DISCARD,
  REDRIVE,
  type Resolution,
  type Resolved,
} from '../workflows/delivery-messages.js';
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
 * `ENGINE_UNAVAILABLE`: it may have been done, ask again
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
  const resolved = await signalled(options, found, outcome, by);
  if (resolved?.outcome === outcome && isSame(resolved.by, by)) return { id, workflowId, outcome, by };
  throw alreadyResolved(resolved);
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
