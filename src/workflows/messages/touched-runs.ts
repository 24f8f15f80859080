/** Sink of the workflows' Workers that learns what somebody else than Headgate may have done to a run. */
export const TOUCHED_RUNS = 'touchedRuns';

/** By the name of the sink: what workflows tell their Worker. */
export type TouchedRunSinks = {
  readonly [TOUCHED_RUNS]: {
    /** This run was signalled by somebody else, is to be cancelled, or was reset: its history says by whom. */
    touched(): void;
  };
};
