import { mergeAggregates } from '../rules/merge-aggregates.js';
import type { CompiledRules } from '../rules/compiled.js';
import { mergeProfile } from '../rules/profile.js';
import { newProfileState } from '../rules/profile-state.js';
import type { MergedSubjects, SubjectRecord } from '../stores/state/state-store.js';

/** Subjects that may be merged into one: more are not one person's, but a mistake of who names them. */
export const MOST_MERGED = 500;
/** Steps from a merged subject to the one that has its state. */
export const MOST_STEPS = 20;

/** The subject that has the state of one that is merged into it, or of none but itself. */
export interface CanonicalSubject<Record extends SubjectRecord | undefined = SubjectRecord> {
  readonly subject: string;
  readonly record: Record;
}

/** Whose state an event of `subject` changes: its own, or that of the subject which it is merged into in the end. */
export function canonicalOf<Record extends SubjectRecord | undefined>(
  subject: string,
  recordOf: (subject: string) => Record,
): CanonicalSubject<Record> {
  let name = subject;
  let record = recordOf(name);
  // No way is longer, unless the state is damaged.
  for (let steps = 0; steps <= MOST_STEPS && record?.mergedInto !== undefined; steps++) {
    name = record.mergedInto;
    record = recordOf(name);
  }
  return { subject: name, record };
}

/** What {@link mergeSubject} works with. */
export interface MergeContext {
  /** Those in force: aggregates of other definitions are left behind. */
  readonly rules: CompiledRules;
  readonly recordOf: (subject: string) => SubjectRecord;
  /** When the event that merges them was received, milliseconds since 1970. */
  readonly receivedAt: number;
}

/**
 * Moves a subject's profile and aggregates into another's, for ever: what comes of it later is the other's. A subject is
 * merged once, and into no one who is merged into it; beyond {@link MOST_MERGED} and {@link MOST_STEPS} nothing is.
 * Decisions are not moved: the next event decides.
 * @returns true when something was merged
 */
export function mergeSubject(
  subject: string,
  into: CanonicalSubject,
  { rules, recordOf, receivedAt }: MergeContext,
): boolean {
  const from = recordOf(subject);
  if (subject === into.subject || from.mergedInto !== undefined) return false;
  const merged = mergedAfter(into.record.merged, from.merged);
  if (merged.subjects > MOST_MERGED || merged.steps > MOST_STEPS) return false;
  into.record.merged = merged;
  if (from.profile !== undefined)
    mergeProfile((into.record.profile ??= newProfileState()), from.profile, receivedAt);
  mergeAggregates(rules, into.record.state, from.state);
  becomeMarker(from, into.subject);
  return true;
}

const NONE: MergedSubjects = { subjects: 0, steps: 0 };

function mergedAfter(into: MergedSubjects = NONE, from: MergedSubjects = NONE): MergedSubjects {
  return {
    subjects: into.subjects + from.subjects + 1,
    steps: Math.max(into.steps, from.steps + 1),
  };
}

function becomeMarker(record: SubjectRecord, into: string): void {
  record.mergedInto = into;
  delete record.profile;
  delete record.merged;
  for (const name of Object.keys(record.state.aggregates)) delete record.state.aggregates[name];
  for (const name of Object.keys(record.decisions)) delete record.decisions[name];
}
