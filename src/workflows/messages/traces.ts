/** The header that Temporal's interceptors for OpenTelemetry keep the context in. */
export const TRACE_HEADER = '_tracer-data';

/** A run of a workflow that has ended, for its span. */
export interface EndedRun {
  /** `traceparent` of what has started it. */
  readonly parent: string;
  /** The id of its span, which its activities have been given: 16 hex digits. */
  readonly spanId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly failed: boolean;
}

/** What workflows say of themselves to the process they run in. */
// A type and no interface: Temporal's has an index signature.
export type TraceSinks = {
  readonly traces: {
    ended(run: EndedRun): void;
  };
};
