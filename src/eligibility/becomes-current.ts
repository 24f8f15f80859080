import { timeMs } from '../rules/event-time.js';
import type { CurrentDecision } from '../stores/state/state-store.js';

/** What a replay has decided of a subject by a rule, on the latest event of its range. */
export interface ReplayedDecision extends CurrentDecision {
  /** When the event was received, RFC 3339. */
  readonly receivedAt: string;
}

/** What is to become of a replayed decision; `already`: the current one is on the same event, by the same version. */
export type ReplayedStatus = 'madeCurrent' | 'alreadyCurrent' | 'older' | 'ruleChanged';

/**
 * Whether a replayed decision takes the place of the current one: where it is by the version of its rule that is in force,
 * and its event is of no earlier time. Of two events of one time that were decided on by the same version, the current
 * one stays: it came later, or else it would not have become current.
 * @param inForce the version of the rule that is in force; undefined where the tenant has no such rule
 */
export function replayedStatusOf(
  decision: ReplayedDecision,
  current: CurrentDecision | undefined,
  inForce: string | undefined,
): ReplayedStatus {
  if (decision.ruleVersion !== inForce) return 'ruleChanged';
  if (current === undefined) return 'madeCurrent';
  const isSameVersion = current.ruleVersion === decision.ruleVersion;
  if (isSameEvent(decision, current)) return isSameVersion ? 'alreadyCurrent' : 'madeCurrent';
  const [time, known] = [effectiveMs(decision), timeMs(current.time)];
  return time < known || (time === known && isSameVersion) ? 'older' : 'madeCurrent';
}

/** Decisions of version 0.1.0 have no source: their event is known by its id. */
function isSameEvent(decision: CurrentDecision, current: CurrentDecision): boolean {
  if (decision.eventId !== current.eventId) return false;
  return current.eventSource === undefined || decision.eventSource === current.eventSource;
}

/** A time after the event's receipt is of a clock that was ahead: it makes no event newer than others that came by then. */
function effectiveMs({ time, receivedAt }: ReplayedDecision): number {
  const [own, received] = [timeMs(time), timeMs(receivedAt)];
  return own <= received ? own : received;
}
