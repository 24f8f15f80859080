import type { CompiledExpression } from '../../expressions/expression.js';
import type { CompiledRules } from '../../rules/compiled.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';
import type { RedecideInput } from '../../workflows/messages/replays.js';
import { DAY_MS } from '../../platform/time.js';

/**
 * What to know of the state that a range is decided on with: it is built from what is kept, and retention may have
 * deleted what aggregates or profiles would need.
 */
export async function warmUpNotes(
  store: BatchStore,
  { tenant, range }: RedecideInput,
  rules: CompiledRules,
): Promise<string[]> {
  const through = await store.deletedThrough(tenant);
  if (through === undefined) return [];
  const keptSince = Date.parse(through) + DAY_MS;
  const notes: string[] = [];
  const needed = range.from - longestWindow(rules);
  if (needed < range.from && needed < keptSince)
    notes.push(
      `The warm-up is incomplete: aggregates look back to ${iso(needed)}, and batches up to ${through} are deleted. Decisions on the first events of the range may differ from what they were.`,
    );
  if (usesProfile(rules))
    notes.push(
      `Profiles are built from user properties received since ${iso(keptSince)}; those before are deleted.`,
    );
  return notes;
}

/** The longest window, in milliseconds, of an aggregate that a rule uses; 0 if none is used. */
function longestWindow({ aggregates, rules }: CompiledRules): number {
  const used = new Set(rules.flatMap((rule) => rule.aggregates));
  return Math.max(0, ...[...used].map((name) => aggregates.get(name)?.windowMs ?? 0));
}

function usesProfile({ aggregates, rules }: CompiledRules): boolean {
  const own = [...aggregates.values()].flatMap(({ when, value }) => [when, value]);
  return [...rules.map(({ when }) => when), ...own].some(refersToProfile);
}

function refersToProfile(expression: CompiledExpression | undefined): boolean {
  return expression?.references.some(({ path }) => path[0] === 'profile') ?? false;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
