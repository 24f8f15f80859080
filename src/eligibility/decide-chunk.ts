import type { DecisionRow, EventRow, InputStream, Outcome } from '../events/event.js';
import { mergeSubjectOf } from '../events/subject.js';
import type { OnFailure } from '../expressions/failures.js';
import { concernsRules, type CompiledRules } from '../rules/compiled.js';
import { fingerprintOf } from '../rules/fingerprint.js';
import { evaluateEvent } from '../rules/evaluate.js';
import { mergeProperties } from '../rules/profile.js';
import { newProfileState } from '../rules/profile-state.js';
import { newSubjectState } from '../rules/subject-state.js';
import type { CurrentDecision, SubjectRecord } from '../stores/state/state-store.js';
import { eventTimeMs, timeMs } from '../rules/event-time.js';
import { canonicalOf, mergeSubject } from './merge-subjects.js';

/** The decisions on a chunk. */
export interface ChunkDecisions {
  /** Events decided on: all, unless {@link ChunkWatch.after} has ended it. */
  readonly decided: number;
  /** Rule evaluations made. */
  readonly evaluated: number;
  /** Evaluations that came out eligible, by rule. */
  readonly eligible: Readonly<Record<string, number>>;
  /** The others, by rule. */
  readonly ineligible: Readonly<Record<string, number>>;
  /** The decisions, one a line. */
  readonly ndjson: string;
}

/**
 * True of a current decision that an event which comes now does not replace: it is of the same rule version, on an event of
 * a later time. A time after this event's receipt is of a clock that was ahead, and says nothing.
 */
export function isNewer({ ruleVersion, time }: CurrentDecision, version: string, event: EventRow): boolean {
  if (ruleVersion !== version || isInOrder(time, event.time)) return false;
  const known = timeMs(time);
  return known > eventTimeMs(event) && known <= timeMs(event.received_at);
}

/** True where the texts alone say that the second time is not before the first: both in UTC, with as many digits. */
function isInOrder(first: string, second: string): boolean {
  return first.length === second.length && first.endsWith('Z') && second.endsWith('Z') && first <= second;
}

/** Gives out a subject's record to be changed in place. */
export type RecordOf = (subject: string) => SubjectRecord;

const NO_PROPERTIES: Readonly<Record<string, unknown>> = {};

/** Who follows the work on a chunk. */
export interface ChunkWatch {
  /**
   * Called with a decision with another outcome than the last of its subject and rule; `line` is its place among the
   * chunk's decisions.
   */
  readonly onChanged?: (line: number, row: DecisionRow) => void;
  /** Called with expressions that fail on an event. */
  readonly onFailure?: OnFailure;
  /** Called with each event that has been decided on, by its place; false leaves those behind it for another chunk. */
  readonly after?: (event: EventRow, line: number) => boolean;
}

/** What a decision's outcome is compared with where there was none. */
const OUTCOME_BEFORE_ALL: Outcome = 'ineligible';

/** A subject never seen before. */
export function newSubjectRecord(): SubjectRecord {
  return { state: newSubjectState(), decisions: {} };
}

/** {@link ChunkDecisions} that are being made. */
class Made {
  decided = 0;
  evaluated = 0;
  readonly eligible: Record<string, number> = {};
  readonly ineligible: Record<string, number> = {};
  ndjson = '';
  /** The events of a chunk are of few sources. */
  private readonly sourceKeys = new Map<string, string>();

  /** What stands for an event's source in the ids of decisions. */
  sourceKeyOf(source: string): string {
    const known = this.sourceKeys.get(source);
    if (known !== undefined) return known;
    const key = fingerprintOf(source).toString(36);
    this.sourceKeys.set(source, key);
    return key;
  }
}

/** Called with an event that could not be applied: a fault in Headgate, which must not hold up the events behind it. */
export type OnFault = (event: EventRow, error: unknown) => void;

/**
 * Applies a chunk's events to their subjects, in order: `user-properties` to profiles, `events` to aggregates and
 * rules. Events of a subject that is merged into another are applied to the other, and decided on as the other's. The
 * same records and events give the same decisions. `onFailure` hears of expressions that fail on an event.
 */
export function decideChunk(
  stream: InputStream,
  events: readonly EventRow[],
  rules: CompiledRules,
  recordOf: RecordOf,
  onFault: OnFault,
  { onChanged, onFailure, after }: ChunkWatch = {},
): ChunkDecisions {
  const made = new Made();
  const failing = { onFailure };
  for (const event of events) {
    try {
      if (stream === 'user-properties') applyProperties(event, rules, recordOf);
      else decideEvent(event, rules, recordOf, made, onChanged, failing);
    } catch (error) {
      onFault(event, error);
    }
    const line = made.decided++;
    if (after?.(event, line) === false) break;
  }
  const { decided, evaluated, eligible, ineligible, ndjson } = made;
  return { decided, evaluated, eligible, ineligible, ndjson };
}

/** The subjects that {@link decideChunk} asks for, beside those that they are merged into. */
export function subjectsOf(
  stream: InputStream,
  events: readonly EventRow[],
  rules: CompiledRules,
): ReadonlySet<string> {
  const subjects = new Set<string>();
  for (const event of events) {
    const { subject, type } = event;
    if (subject === undefined) continue;
    if (stream === 'user-properties') {
      subjects.add(subject);
      const merged = mergeSubjectOf(event);
      if (merged !== undefined) subjects.add(merged);
    } else if (concernsRules(rules, type)) subjects.add(subject);
  }
  return subjects;
}

function applyProperties(event: EventRow, rules: CompiledRules, recordOf: RecordOf): void {
  if (event.subject === undefined) return;
  const canonical = canonicalOf(event.subject, recordOf);
  canonical.record.profile ??= newProfileState();
  mergeProperties(canonical.record.profile, event);
  const merged = mergeSubjectOf(event);
  // After its own properties, which ingest has seen to have room: what is merged has what is left.
  if (merged !== undefined)
    mergeSubject(merged, canonical, { rules, recordOf, receivedAt: timeMs(event.received_at) });
}

function decideEvent(
  event: EventRow,
  rules: CompiledRules,
  recordOf: RecordOf,
  made: Made,
  onChanged: ChunkWatch['onChanged'],
  failing: Pick<ChunkWatch, 'onFailure'>,
): void {
  if (!concernsRules(rules, event.type)) return;
  // An event without a subject is decided on alone: it has no profile, and its aggregates hold it alone.
  let subject = event.subject ?? null;
  let record = subject === null ? newSubjectRecord() : recordOf(subject);
  if (record.mergedInto !== undefined) ({ subject, record } = canonicalOf(record.mergedInto, recordOf));
  const profile = record.profile?.values ?? NO_PROPERTIES;
  const evaluations = evaluateEvent(rules, record.state, profile, event, failing);
  if (evaluations.length === 0) return;
  const { id: eventId, source: eventSource, time } = event;
  const sourceKey = made.sourceKeyOf(eventSource);
  for (const { rule, ruleVersion, outcome, reason } of evaluations) {
    const current = Object.hasOwn(record.decisions, rule) ? record.decisions[rule] : undefined;
    const before = current?.outcome ?? OUTCOME_BEFORE_ALL;
    const isCurrent = current === undefined || !isNewer(current, ruleVersion, event);
    if (isCurrent) record.decisions[rule] = { outcome, reason, ruleVersion, eventId, eventSource, time };
    const counts = made[outcome];
    counts[rule] = (counts[rule] ?? 0) + 1;
    const row: DecisionRow = {
      id: `${eventId}:${rule}:${ruleVersion}:${sourceKey}`,
      event_id: eventId,
      event_source: eventSource,
      subject,
      rule,
      rule_version: ruleVersion,
      outcome,
      reason,
      time,
    };
    made.ndjson += `${JSON.stringify(row)}\n`;
    if (isCurrent && outcome !== before) onChanged?.(made.evaluated, row);
    made.evaluated++;
  }
}
