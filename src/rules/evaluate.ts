import type { EventRow, Outcome } from '../events/event.js';
import { Budget } from '../expressions/budget.js';
import type { OnFailure } from '../expressions/failures.js';
import { Fault } from '../expressions/fault.js';
import type { Context } from '../expressions/frame.js';
import { Uint } from '../expressions/runtime-value.js';
import { toJson } from '../expressions/to-json.js';
import type { CompiledAggregate, CompiledRule, CompiledRules, TypePlan } from './compiled.js';
import { countFailure } from './failed-folds.js';
import { celEvent } from './cel-event.js';
import { eventTimeMs } from './event-time.js';
import { printsOf, type EventPrints } from './fingerprint.js';
import { fold, isForgotten, newAggregateState, valueAt } from './fold.js';
import { reasonOfFault, reasonOfNonBoolean, reasonOfResult, ShownValues } from './reason.js';
import { stateOf, type AggregateState, type SubjectState } from './subject-state.js';

/** What one rule said on one event. */
export interface Evaluation {
  readonly rule: string;
  readonly ruleVersion: string;
  readonly outcome: Outcome;
  /** Readable, with the values that decided: `event.data.delay_minutes = 185`. */
  readonly reason: string;
}

/** Begins the reason of a decision on an event so late that its aggregates have forgotten all but the event itself. */
const LATE = 'late: ';

/** The longest JSON of a value that `last` remembers; a larger one is skipped as a missing one is. */
const MAX_LAST_LENGTH = 1024;

/** How an event is evaluated. */
export interface EvaluationOptions {
  /** Steps that all expressions on the event may take together; says afterwards what they took. Default: a new one. */
  readonly budget?: Budget;
  /** Called with expressions that fail on the event. */
  readonly onFailure?: OnFailure;
}

/** What expressions are run with. */
interface Evaluating {
  readonly context: Context;
  readonly budget: Budget;
  readonly onFailure?: OnFailure;
  readonly shown: ShownValues;
}

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
  { budget = new Budget(), onFailure }: EvaluationOptions = {},
): Evaluation[] {
  const plan = compiled.byType.get(event.type);
  if (plan === undefined) return [];
  const aggregates: Record<string, unknown> = {};
  const context = { event: celEvent(event), profile, aggregates };
  const evaluating: Evaluating = { context, budget, onFailure, shown: new ShownValues() };
  if (plan.folds.length > 0 || plan.reads.length > 0) {
    const time = eventTimeMs(event);
    if (foldEvent(plan, subject, evaluating, event, time)) dropUndeclared(compiled, subject);
    // Made when it is needed: few events are so late.
    let forgotten: Set<string> | undefined;
    for (const aggregate of plan.reads) {
      const kept = stateOf(subject, aggregate);
      const isLate = isForgotten(kept, aggregate, time);
      const state = isLate ? aloneIn(plan, aggregate, evaluating, time) : kept;
      if (isLate) forgotten = (forgotten ?? new Set()).add(aggregate.name);
      const value = valueAt(state, aggregate, time);
      if (value !== undefined) aggregates[aggregate.name] = value;
    }
    if (forgotten !== undefined) {
      const late = forgotten;
      return plan.rules.map((rule) => evaluateLate(rule, evaluating, late));
    }
  }
  return plan.rules.map((rule) => evaluateRule(rule, evaluating));
}

function evaluateRule({ name, version, when }: CompiledRule, evaluating: Evaluating): Evaluation {
  const { context, budget, onFailure } = evaluating;
  const result = when.run(context, budget);
  const outcome = result === true ? 'eligible' : 'ineligible';
  if (result instanceof Fault) onFailure?.('rule', name, result.code);
  return { rule: name, ruleVersion: version, outcome, reason: reasonOf(result, when, evaluating) };
}

function reasonOf(
  result: unknown,
  { references }: CompiledRule['when'],
  { context, shown }: Evaluating,
): string {
  if (typeof result === 'boolean') return reasonOfResult(references, context, shown);
  return result instanceof Fault ? reasonOfFault(result) : reasonOfNonBoolean(result);
}

/** An aggregate of the event alone: all that is known for certain of what it should see. */
function aloneIn(
  { folds }: TypePlan,
  aggregate: CompiledAggregate,
  evaluating: Evaluating,
  time: number,
): AggregateState | undefined {
  const value = folds.includes(aggregate) ? valueToFold(aggregate, evaluating) : undefined;
  if (value === undefined || value instanceof Fault) return undefined;
  return { definition: aggregate.definition, times: [time], ids: [0], values: [value] };
}

function evaluateLate(
  rule: CompiledRule,
  evaluating: Evaluating,
  forgotten: ReadonlySet<string>,
): Evaluation {
  const evaluation = evaluateRule(rule, evaluating);
  if (!rule.aggregates.some((name) => forgotten.has(name))) return evaluation;
  return { ...evaluation, reason: `${LATE}${evaluation.reason}` };
}

function foldEvent(
  plan: TypePlan,
  subject: SubjectState,
  evaluating: Evaluating,
  event: EventRow,
  time: number,
): boolean {
  // Made when it is needed: most events are folded into nothing.
  let prints: EventPrints | undefined;
  let changed = false;
  for (const aggregate of plan.folds) {
    const value = valueToFold(aggregate, evaluating);
    if (value === undefined) continue;
    if (value instanceof Fault) evaluating.onFailure?.('aggregate', aggregate.name, value.code);
    const state = stateOf(subject, aggregate) ?? newAggregateState(aggregate.definition);
    prints ??= printsOf(event);
    if (!foldInto(state, aggregate, prints, time, value)) continue;
    subject.aggregates[aggregate.name] = state;
    changed = true;
  }
  return changed;
}

function foldInto(
  state: AggregateState,
  aggregate: CompiledAggregate,
  { key, id }: EventPrints,
  time: number,
  value: unknown,
): boolean {
  if (value instanceof Fault) return countFailure(state, key, value.code, time);
  return !state.ids.includes(id) && fold(state, aggregate, key, time, value);
}

/** The condition is neither true nor false, or the value no number, or too large to keep. */
const NOT_FOLDED = new Fault('INVALID_VALUE', 'neither true nor false, or not a value to fold');

/** What the event gives to the aggregate; undefined if it is not meant to count, a fault if it cannot. */
function valueToFold({ when, value, op }: CompiledAggregate, { context, budget }: Evaluating): unknown {
  const condition = when === undefined || when.run(context, budget);
  if (condition === false) return undefined;
  if (condition !== true) return condition instanceof Fault ? condition : NOT_FOLDED;
  if (value === undefined) return 1;
  const result = value.run(context, budget);
  if (result instanceof Fault) return result;
  const kept = op === 'last' ? plain(result) : finite(result);
  return kept === undefined ? NOT_FOLDED : kept;
}

/** A number to fold. CEL's ints are bigints; everything kept is a double, as JSON's numbers are. */
function finite(value: unknown): number | undefined {
  const number = Number(
    typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint ? toJson(value) : NaN,
  );
  return Number.isFinite(number) ? number : undefined;
}

/** A value as plain JSON data, or undefined if it is none or too large to keep. */
function plain(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint) return finite(value);
  if (value === null || typeof value === 'boolean') return value;
  const json = JSON.stringify(toJson(value));
  return json.length > MAX_LAST_LENGTH ? undefined : (JSON.parse(json) as unknown);
}

/** Aggregates that the configuration no longer has leave the state with its next change. */
function dropUndeclared(compiled: CompiledRules, subject: SubjectState): void {
  for (const name of Object.keys(subject.aggregates)) {
    if (!compiled.aggregates.has(name)) delete subject.aggregates[name];
  }
}
