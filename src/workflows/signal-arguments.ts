import { log, patched } from '@temporalio/workflow';
import type { BatchRef } from '../events/event.js';
import type { LineIdAt } from '../reference/log-lines/log-lines.js';
import { isBatchOf } from './messages/batch-reference.js';
import type { Resolution } from './messages/deliveries.js';

/** Batches that one `announce` may name: Headgate's own names a batch and its decisions. */
const MAX_ANNOUNCED = 1_000;
/** Characters of what a resolution says: who, why, and by which redrive. */
const MAX_TEXT = 4_000;
/** A workflow that was recorded before signals were looked at goes on as it did. */
const PATCH = 'signals-are-checked';

/**
 * The batches of an `announce`; none where the argument is not a list of references to batches of the tenant. Anybody who
 * can reach Temporal can send a signal: one that is wrong must not fail the workflow task, which would be tried for ever.
 */
export function announcedBatches(argument: unknown, tenant: string): readonly BatchRef[] {
  const right =
    Array.isArray(argument) &&
    argument.length <= MAX_ANNOUNCED &&
    argument.every((each) => isBatchOf(each, tenant));
  if (right || !isIgnored('announce')) return argument as readonly BatchRef[];
  return [];
}

/**
 * Who resolves a dead letter, by the argument of `redrive` or `discard`; `nobody` for a signal that was sent by hand without
 * one. Undefined where the argument is something else: such a signal does not count.
 */
export function resolutionIn(argument: unknown, nobody: Resolution): Resolution | undefined {
  if (argument === undefined || argument === null) return nobody;
  if (isResolution(argument) || !isIgnored('redrive or discard')) return argument as Resolution;
  return undefined;
}

/** Says that a signal is passed over, by a line's id: a workflow logs through the SDK, which knows no ids; false in a workflow that has taken it up as it was. */
function isIgnored(signal: string): boolean {
  if (!patched(PATCH)) return false;
  log.warn('SIGNAL_IGNORED' satisfies LineIdAt<'warn'>, { signal });
  return true;
}

function isResolution(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { actor, reason, redrive } = value as Partial<Record<keyof Resolution, unknown>>;
  return isText(actor) && [reason, redrive].every((text) => text === undefined || isText(text));
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TEXT;
}
