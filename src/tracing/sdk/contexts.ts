import {
  ROOT_CONTEXT,
  TraceFlags,
  context,
  createTraceState,
  trace,
  type Context,
  type SpanContext,
} from '@opentelemetry/api';
import type { TraceContext } from '../../events/trace-context.js';

/** A context in the SDK's form. */
export function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  };
}

/** The context in which a span goes on from another. */
export function contextAfter(spanContext: SpanContext | undefined): Context {
  return spanContext === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

/** A context as it is written into headers and events. */
export function written({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const flags = (traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01';
  const traceparent = `00-${traceId}-${spanId}-${flags}`;
  const tracestate = traceState?.serialize();
  return tracestate === undefined || tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

/** The span that this code runs in; undefined where there is none, or none that is sent. */
export function activeSpan(): SpanContext | undefined {
  const active = trace.getSpanContext(context.active());
  return active !== undefined && isSampled(active) ? active : undefined;
}

/** True of a span that is sent. */
export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}
