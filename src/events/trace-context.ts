import type { EventRow } from './event.js';

/**
 * Where a span is in a trace, as W3C Trace Context and CloudEvents' extension for distributed tracing write it. The names
 * are those of the headers and of the extension attributes.
 * @see https://www.w3.org/TR/trace-context/
 * @see https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
 */
export interface TraceContext {
  readonly traceparent: string;
  /** What tracing systems have to say to themselves. */
  readonly tracestate?: string;
}

/** Version, trace, span, flags; neither id is all zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** What a header may hold. The recommendation asks for 512 characters to be passed on. */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** The context in some headers or attributes; undefined where there is none, or what is there is something else. */
export function traceContextIn(given: unknown): TraceContext | undefined {
  const { traceparent, tracestate } = (given ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  const hasState = typeof tracestate === 'string' && TRACESTATE.test(tracestate);
  return hasState ? { traceparent, tracestate } : { traceparent };
}

/** An event that carries a context: its own, or else the one that is given. */
export function withTrace(row: EventRow, { traceparent, tracestate }: TraceContext): EventRow {
  if (row.extensions?.traceparent !== undefined) return row;
  const state = tracestate === undefined ? undefined : { tracestate };
  return { ...row, extensions: { ...row.extensions, traceparent, ...state } };
}
