import type { FaultCode } from '../expressions/fault.js';
import type { CompiledRules } from './compiled.js';
import type { AggregateState, SubjectState } from './subject-state.js';

/** An event is counted once, also when it is folded again: this number of the last ones is known. */
const KNOWN = 32;

/** Events that an aggregate could not fold, since its `when` or `value` failed on them. */
export interface FailedFolds {
  readonly aggregate: string;
  readonly count: number;
  /** Of the last one that came: why, see `FAULTS`. */
  readonly code: FaultCode;
  /** Of the last one that came: the event's time, RFC 3339. */
  readonly time: string;
}

/**
 * Counts an event that could not be folded.
 * @param key the event's fingerprint
 * @param time of the event, milliseconds since 1970
 * @returns true when the state changed: an event that is counted already changes nothing
 */
export function countFailure(state: AggregateState, key: number, code: FaultCode, time: number): boolean {
  if (Number.isNaN(time)) return false;
  const failures = (state.failures ??= { count: 0, code, time, ids: [] });
  if (failures.ids.includes(key)) return false;
  failures.count++;
  failures.code = code;
  failures.time = time;
  failures.ids.push(key);
  if (failures.ids.length > KNOWN) failures.ids.shift();
  return true;
}

/** Adds what another subject's aggregate could not fold, of which an event that both know counts once. */
export function mergeFailures(own: AggregateState, { failures: theirs }: AggregateState): void {
  if (theirs === undefined) return;
  if (own.failures === undefined) {
    own.failures = theirs;
    return;
  }
  const { count, code, time, ids } = own.failures;
  const unknown = theirs.ids.filter((id) => !ids.includes(id));
  own.failures = {
    count: count + theirs.count - (theirs.ids.length - unknown.length),
    code: theirs.time > time ? theirs.code : code,
    time: Math.max(theirs.time, time),
    ids: [...unknown, ...ids].slice(-KNOWN),
  };
}

/** What a subject's aggregates could not fold, of the aggregates that are in force. */
export function failedFolds({ aggregates }: CompiledRules, subject: SubjectState): FailedFolds[] {
  return Object.entries(subject.aggregates).flatMap(([aggregate, { definition, failures }]) => {
    if (failures === undefined || aggregates.get(aggregate)?.definition !== definition) return [];
    const { count, code, time } = failures;
    return [{ aggregate, count, code, time: new Date(time).toISOString() }];
  });
}
