import type { EventRow, Outcome } from '../event.js';
import type { CompiledAggregate, CompiledRule, CompiledRules, TypePlan } from './compiled.js';
import { celEvent, celMap } from './cel-event.js';
import { eventTimeMs } from './event-time.js';
import { fingerprintOf } from './fingerprint.js';
import { fold, isForgotten, newAggregateState, valueAt } from './fold.js';
import { reasonOfError, reasonOfNonBoolean, reasonOfResult, type RuleContext } from './reason.js';
import type { AggregateState, SubjectState } from './subject-state.js';

/** What one rule said on one event. */
export interface Evaluation {
  readonly rule: string;
  readonly ruleVersion: string;
  readonly outcome: Outcome;
  /** Readable, with the values that decided: `event.data.delay_minutes = 185`. */
  readonly reason: string;
}

/** Begins the reason of a decision on an event so late that its aggregates have forgotten all but the event itself. */
export const LATE = 'late: ';

/** The longest JSON of a value that `last` remembers; a larger one is skipped as a missing one is. */
const MAX_LAST_LENGTH = 1024;

/**
 * Folds the event into the subject's aggregates (changing `subject` in place), then evaluates the rules on its type as
 * of the event's time. Pure otherwise: the same state and event give the same result, and an event folded before
 * changes nothing. Data never makes it throw: a rule that fails on an event is `ineligible`, with the error as reason.
 * An event whose aggregate expressions fail (its `value` is missing, say) is not folded into that aggregate.
 */
export function evaluateEvent(
  compiled: CompiledRules,
  subject: SubjectState,
  profile: Readonly<Record<string, unknown>>,
  event: EventRow,
): Evaluation[] {
  const plan = compiled.byType.get(event.type);
  if (plan === undefined) return [];
  // A missing property is an Error inside the CEL library. Its stack trace, which nobody reads, would be four fifths
  // of the cost of evaluating such an event.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return evaluatePlan(compiled, plan, subject, profile, event);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function evaluatePlan(
  compiled: CompiledRules,
  plan: TypePlan,
  subject: SubjectState,
  profile: Readonly<Record<string, unknown>>,
  event: EventRow,
): Evaluation[] {
  const aggregates: Record<string, unknown> = {};
  const context = { event: celEvent(event), profile: celMap(profile), aggregates };
  if (plan.folds.length > 0 || plan.reads.length > 0) {
    const time = eventTimeMs(event);
    if (foldEvent(plan, subject, context, event.id, time)) dropUndeclared(compiled, subject);
    const forgotten = new Set<string>();
    for (const aggregate of plan.reads) {
      const isLate = isForgotten(stateOf(subject, aggregate), aggregate, time);
      const state = isLate ? aloneIn(plan, aggregate, context, time) : stateOf(subject, aggregate);
      if (isLate) forgotten.add(aggregate.name);
      const value = valueAt(state, aggregate, time);
      if (value !== undefined) aggregates[aggregate.name] = value;
    }
    if (forgotten.size > 0) return plan.rules.map((rule) => evaluateLate(rule, context, forgotten));
  }
  return plan.rules.map((rule) => evaluateRule(rule, context));
}

/** An aggregate of the event alone: all that is known for certain of what it should see. */
function aloneIn(
  { folds }: TypePlan,
  aggregate: CompiledAggregate,
  context: RuleContext,
  time: number,
): AggregateState | undefined {
  const value = folds.includes(aggregate) ? valueToFold(aggregate, context) : undefined;
  if (value === undefined) return undefined;
  return { definition: aggregate.definition, times: [time], ids: [0], values: [value] };
}

function evaluateLate(rule: CompiledRule, context: RuleContext, forgotten: ReadonlySet<string>): Evaluation {
  const evaluation = evaluateRule(rule, context);
  if (!rule.aggregates.some((name) => forgotten.has(name))) return evaluation;
  return { ...evaluation, reason: `${LATE}${evaluation.reason}` };
}

function evaluateRule(rule: CompiledRule, context: RuleContext): Evaluation {
  const { name, version, when } = rule;
  try {
    const result: unknown = when.run(context);
    const outcome = result === true ? 'eligible' : 'ineligible';
    const reason =
      typeof result === 'boolean' ? reasonOfResult(when.references, context) : reasonOfNonBoolean(result);
    return { rule: name, ruleVersion: version, outcome, reason };
  } catch (error) {
    return { rule: name, ruleVersion: version, outcome: 'ineligible', reason: reasonOfError(error) };
  }
}

function foldEvent(
  plan: TypePlan,
  subject: SubjectState,
  context: RuleContext,
  id: string,
  time: number,
): boolean {
  let changed = false;
  for (const aggregate of plan.folds) {
    const value = valueToFold(aggregate, context);
    if (value === undefined) continue;
    const state = stateOf(subject, aggregate) ?? newAggregateState(aggregate.definition);
    if (!fold(state, aggregate, fingerprintOf(id), time, value)) continue;
    subject.aggregates[aggregate.name] = state;
    changed = true;
  }
  return changed;
}

/** What the event gives to the aggregate, or undefined if it is not counted. */
function valueToFold({ when, value, op }: CompiledAggregate, context: RuleContext): unknown {
  try {
    if (when !== undefined && when.run(context) !== true) return undefined;
    if (value === undefined) return 1;
    const result: unknown = value.run(context);
    return op === 'last' ? plain(result) : finite(result);
  } catch {
    return undefined;
  }
}

/** A number to fold. CEL's ints are bigints; everything kept is a double, as JSON's numbers are. */
function finite(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** A value as plain JSON data, or undefined if it is none or too large to keep. */
function plain(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return finite(value);
  if (value === null || typeof value === 'boolean') return value;
  const json = JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'bigint' ? Number(each) : each,
  );
  return json === undefined || json.length > MAX_LAST_LENGTH ? undefined : (JSON.parse(json) as unknown);
}

/** The subject's state of the aggregate, unless it was folded under another definition. */
function stateOf(subject: SubjectState, { name, definition }: CompiledAggregate): AggregateState | undefined {
  const state = Object.hasOwn(subject.aggregates, name) ? subject.aggregates[name] : undefined;
  return state?.definition === definition ? state : undefined;
}

/** Aggregates that the configuration no longer has leave the state with its next change. */
function dropUndeclared(compiled: CompiledRules, subject: SubjectState): void {
  for (const name of Object.keys(subject.aggregates)) {
    if (!compiled.aggregates.has(name)) delete subject.aggregates[name];
  }
}
