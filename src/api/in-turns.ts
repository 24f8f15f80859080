import type { Turn, Turns } from '../platform/event-loop-turns.js';

/** Whose work it is, and what shares the event loop. */
export interface InTurns {
  readonly turns: Turns;
  readonly tenant: string;
}

/**
 * Does `count` steps of a tenant's work, and lets others have their turn where that takes long. Not asynchronous where
 * it does not, which is the rule: see `Ingest.accept`.
 * @returns undefined when all is done, else what resolves then
 */
export function inTurns(
  { turns, tenant }: InTurns,
  count: number,
  step: (index: number) => void,
): Promise<void> | undefined {
  let index = 0;
  const some = (turn: Turn): void => {
    do step(index++);
    while (index < count && !turn.isOver);
  };
  const begun = count === 0 ? undefined : turns.run(tenant, () => turns.now(tenant, some));
  if (begun === undefined && index >= count) return undefined;
  return (async () => {
    await begun;
    while (index < count) await turns.later(tenant, () => turns.now(tenant, some));
  })();
}
