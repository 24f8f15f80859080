import type { FaultCode } from '../expressions/fault.js';

/**
 * What one aggregate remembers of one subject: its entries in order of event time, as columns of equal length (plain
 * numbers and JSON values, so that msgpack packs them tightly and a look-up touches one array).
 *
 * An entry is one event, or, among the older ones of a busy subject, all events of one slot of time folded together;
 * see `fold.ts`.
 */
export interface AggregateState {
  /** Hash of the definition these entries were folded under; under any other the aggregate starts anew. */
  readonly definition: string;
  /** Event times in milliseconds since 1970, ascending; of the newest event where an entry holds several. */
  times: number[];
  /** Fingerprints of the events, by which a second folding is noticed; see `printsOf`. */
  ids: number[];
  /** What the events gave: 1 each for `count`, else the value folded. */
  values: unknown[];
  /** Events that could not be folded; absent where there was none. */
  failures?: {
    count: number;
    /** Why the last one could not. */
    code: FaultCode;
    /** Time of the last one, in milliseconds since 1970. */
    time: number;
    /** Fingerprints of the last ones. */
    readonly ids: number[];
  };
}

/** What rules remember of one subject: plain data, changed in place by `evaluateEvent`, kept by the state store. */
export interface SubjectState {
  readonly aggregates: Record<string, AggregateState>;
}

/** A subject's state of an aggregate, unless it was folded under another definition. */
export function stateOf(
  subject: SubjectState,
  { name, definition }: { readonly name: string; readonly definition: string },
): AggregateState | undefined {
  const state = Object.hasOwn(subject.aggregates, name) ? subject.aggregates[name] : undefined;
  return state?.definition === definition ? state : undefined;
}

/** The state of a subject never seen before. */
export function newSubjectState(): SubjectState {
  return { aggregates: {} };
}
