import type { CompiledRules } from './compiled.js';
import { mergeFailures } from './failed-folds.js';
import { addEntries } from './fold.js';
import { stateOf, type SubjectState } from './subject-state.js';

/**
 * Adds to a subject's aggregates what another's hold, each event once, of the definitions that are in force: any other is not
 * used. What was the other's belongs to the subject from then on.
 */
export function mergeAggregates({ aggregates }: CompiledRules, own: SubjectState, other: SubjectState): void {
  for (const [name, aggregate] of aggregates) {
    const theirs = stateOf(other, aggregate);
    if (theirs === undefined) continue;
    const known = stateOf(own, aggregate);
    if (known === undefined) {
      own.aggregates[name] = theirs;
      continue;
    }
    addEntries(known, aggregate, theirs);
    mergeFailures(known, theirs);
  }
}
