import type { AggregateOp } from './rule-config.js';
import type { AggregateState } from './subject-state.js';

/**
 * Entries kept per aggregate and subject as they are. Past it all but the newest 32 are folded into slots of 1/240 of the window
 * (6 minutes of a day; at most 481 of them, as two windows are kept), so a busy subject costs neither more memory nor
 * time, nor its history: its older events only leave the window up to a slot later than they should. Of such a slot only
 * the newest event is still recognised when it comes a second time, past what dedupe remembers.
 */
export const MAX_ENTRIES = 64;

/** The newest entries, which are never folded. */
const KEPT_FINE = MAX_ENTRIES / 2;

/** Slots per window that older entries are folded into. */
export const SLOTS_PER_WINDOW = 240;

/** What of an aggregate's definition folding needs. */
export interface FoldRule {
  readonly op: AggregateOp;
  readonly windowMs: number;
  /** Characters of JSON that the values may take together. Default: any number, for numbers are small. */
  readonly maxChars?: number;
}

/** How the values of two entries become one; `last` has the newer. */
const MERGE: Readonly<Record<AggregateOp, (older: never, newer: never) => unknown>> = {
  count: (older: number, newer: number) => older + newer,
  sum: (older: number, newer: number) => older + newer,
  min: (older: number, newer: number) => Math.min(older, newer),
  max: (older: number, newer: number) => Math.max(older, newer),
  last: (_older: unknown, newer: unknown) => newer,
};

/** An aggregate's state before its first event. */
export function newAggregateState(definition: string): AggregateState {
  return { definition, times: [], ids: [], values: [] };
}

/** True of an event of which the state has forgotten what it should see: more than two windows behind the newest. */
export function isForgotten(
  state: AggregateState | undefined,
  { windowMs }: FoldRule,
  time: number,
): boolean {
  const newest = state?.times.at(-1);
  return newest !== undefined && time < newest - 2 * windowMs;
}

/**
 * Adds an event's value. Entries are kept for two windows behind the newest: one that events look back on, and one
 * more so that an event up to a whole window late still finds all it should see. What is older is not taken.
 * @param id the event's fingerprint
 * @returns true when the state changed; folding the same event again does not change it
 */
export function fold(
  state: AggregateState,
  rule: FoldRule,
  id: number,
  time: number,
  value: unknown,
): boolean {
  const { times, ids, values } = state;
  const newest = times.at(-1) ?? time;
  if (Number.isNaN(time) || isForgotten(state, rule, time) || ids.includes(id)) return false;
  // After all entries of the same time: of two at the same time the later arrived counts as the last.
  const at = time >= newest ? times.length : firstAfter(times, time);
  insert(times, at, time);
  insert(ids, at, id);
  insert(values, at, value);
  if (time > newest) dropFirst(state, firstAtOrAfter(times, time - 2 * rule.windowMs));
  // Not at every event: those that fold nothing would cost as much as those that do.
  if (times.length >= MAX_ENTRIES && times.length % KEPT_FINE === 0)
    coarsen(state, rule, { slots: SLOTS_PER_WINDOW, fine: KEPT_FINE });
  if (rule.maxChars !== undefined && isLarge(value)) thinOut(state, rule, rule.maxChars);
  return true;
}

/**
 * Adds another subject's entries, each once: what both have is known by its fingerprint. Of entries of one time the own
 * ones are the later ones. What comes of it is kept within the bounds that {@link fold} keeps.
 */
export function addEntries(state: AggregateState, rule: FoldRule, other: AggregateState): void {
  const { times, ids, values } = state;
  const known = new Set(ids);
  [state.times, state.ids, state.values] = [[], [], []];
  let at = 0;
  const take = (from: AggregateState, index: number): void => {
    state.times.push(from.times[index]!);
    state.ids.push(from.ids[index]!);
    state.values.push(from.values[index]);
  };
  const own = { definition: state.definition, times, ids, values };
  for (const [index, time] of other.times.entries()) {
    if (known.has(other.ids[index]!)) continue;
    while (at < times.length && times[at]! < time) take(own, at++);
    take(other, index);
  }
  while (at < times.length) take(own, at++);
  keepWithinBounds(state, rule);
}

function keepWithinBounds(state: AggregateState, rule: FoldRule): void {
  const newest = state.times.at(-1);
  if (newest === undefined) return;
  dropFirst(state, firstAtOrAfter(state.times, newest - 2 * rule.windowMs));
  if (state.times.length >= MAX_ENTRIES) coarsen(state, rule, { slots: SLOTS_PER_WINDOW, fine: KEPT_FINE });
  if (rule.maxChars !== undefined) thinOut(state, rule, rule.maxChars);
}

/**
 * The aggregate as an event at `time` sees it: over the entries in `[time - windowMs, time]`, both ends included.
 * @returns 0 for the count and sum of nothing, undefined for its min, max and last
 */
export function valueAt(
  state: AggregateState | undefined,
  { op, windowMs }: FoldRule,
  time: number,
): unknown {
  const from = state === undefined ? 0 : firstAtOrAfter(state.times, time - windowMs);
  const to = state === undefined ? 0 : firstAfter(state.times, time);
  if (state === undefined || from >= to) return op === 'count' || op === 'sum' ? 0 : undefined;
  const { values } = state;
  if (op === 'last') return values[to - 1];
  if (op === 'count' || op === 'sum') return sum(values as number[], from, to);
  const merge = MERGE[op] as (older: number, newer: number) => number;
  let result = values[from] as number;
  for (let i = from + 1; i < to; i++) result = merge(result, values[i] as number);
  return result;
}

/** Most aggregates are counts and sums: a loop of its own is several times as fast as one that calls. */
function sum(values: readonly number[], from: number, to: number): number {
  let result = 0;
  for (let i = from; i < to; i++) result += values[i]!;
  return result;
}

/** Folds all but the newest entries into slots: a fixed number of them in a window. */
function coarsen(
  state: AggregateState,
  { op, windowMs }: FoldRule,
  { slots, fine }: { readonly slots: number; readonly fine: number },
): void {
  const { times, ids, values } = state;
  const merge = MERGE[op] as (older: unknown, newer: unknown) => unknown;
  const slotOf = (index: number) => Math.floor((times[index]! * slots) / windowMs);
  const older = times.length - fine;
  let kept = 0;
  for (let i = 1; i < older; i++) {
    const same = slotOf(i) === slotOf(kept);
    const value = same ? merge(values[kept], values[i]) : values[i];
    if (!same) kept++;
    times[kept] = times[i]!;
    ids[kept] = ids[i]!;
    values[kept] = value;
  }
  for (const column of [times, ids, values]) column.splice(kept + 1, older - kept - 1);
}

/**
 * Folds all but the newest entry into wider slots, and then forgets the oldest, until the values take no more than they may.
 * An event that comes late may then see an older value than it should.
 */
function thinOut(state: AggregateState, rule: FoldRule, maxChars: number): void {
  for (let slots = SLOTS_PER_WINDOW; slots >= 1 && charsOf(state.values) > maxChars; slots /= 2)
    coarsen(state, rule, { slots, fine: 1 });
  while (state.times.length > 1 && charsOf(state.values) > maxChars) dropFirst(state, 1);
}

function isLarge(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'object';
}

function charsOf(values: readonly unknown[]): number {
  let chars = 0;
  for (const value of values)
    chars += typeof value === 'string' ? value.length : typeof value === 'object' ? jsonLength(value) : 8;
  return chars;
}

function jsonLength(value: object | null): number {
  return JSON.stringify(value).length;
}

function insert<T>(column: T[], at: number, item: T): void {
  if (at === column.length) column.push(item);
  else column.splice(at, 0, item);
}

function dropFirst(state: AggregateState, count: number): void {
  if (count === 0) return;
  for (const column of [state.times, state.ids, state.values]) column.splice(0, count);
}

/** Index of the first time that is not before `time`. */
function firstAtOrAfter(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first time after `time`. */
function firstAfter(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
