/**
 * Steps that one expression may take on one event. A step is about what reading a field or comparing two numbers costs,
 * 5 to 30 ns, so this is some 2 ms; a condition on each of 10,000 items takes a half of it.
 */
export const MAX_EXPRESSION_STEPS = 100_000;

/** Steps that all expressions of one kind (rules and aggregates, or routes) may take together on one event. */
export const MAX_EVENT_STEPS = 200_000;

/**
 * The steps that expressions may take, and have taken. It is charged for every operator and function, for every round
 * of a macro, and for what is proportional to the size of a text, list or map. The same expression on the same data
 * takes the same steps on every machine, so a replay decides as ingest did.
 */
export class Budget {
  /** Steps taken so far. */
  used = 0;

  /** @param limit steps that may be taken in all; default {@link MAX_EVENT_STEPS} */
  constructor(readonly limit = MAX_EVENT_STEPS) {}
}
