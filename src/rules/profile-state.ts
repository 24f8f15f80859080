/** A subject's user properties: plain data, changed in place by `mergeProperties`, kept by the state store. */
export interface ProfileState {
  /** The latest value of every property that is set. */
  readonly values: Record<string, unknown>;
  /** Per property the time (ms) of the event that set or unset it; an unset one stays here as a tombstone. */
  readonly times: Record<string, number>;
}

/** The profile of a subject never seen before. */
export function newProfileState(): ProfileState {
  return { values: {}, times: {} };
}
