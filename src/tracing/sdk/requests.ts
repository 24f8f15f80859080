import { SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { codeOf } from '../../errors.js';
import { traceContextIn, type TraceContext } from '../../events/trace-context.js';
import type { Attributes, RequestSpan, TracedPost, TracedRequest } from '../tracing.js';
import { activeSpan, contextAfter, spanContextOf, written } from './contexts.js';
import { join, MAX_LINKS } from './join.js';
import type { Tracers } from './tracers.js';

/** Begins the span of a request that brings events; undefined where the sampler does not want it. */
export function beginRequest({ requests }: Tracers, request: TracedRequest): RequestSpan | undefined {
  const { tenant, stream, headers, first, beganAt } = request;
  const given = traceContextIn(headers) ?? traceContextIn(first);
  const parent = given && spanContextOf(given);
  const name = `POST /v1/${stream}`;
  const attributes = {
    'http.request.method': 'POST',
    'http.route': `/v1/${stream}`,
    'headgate.tenant': tenant,
    'headgate.stream': stream,
  };
  const options = { kind: SpanKind.SERVER, attributes, startTime: beganAt };
  const span = requests.startSpan(name, options, contextAfter(parent));
  return span.isRecording() ? new OpenRequest(span, parent?.traceId) : undefined;
}

const STATUS = 'http.response.status_code';

class OpenRequest implements RequestSpan {
  readonly context: TraceContext;
  private readonly linked = new Set<string>();

  constructor(
    private readonly span: Span,
    private readonly parentTrace: string | undefined,
  ) {
    this.context = written(span.spanContext());
  }

  brings(context: TraceContext): void {
    const from = spanContextOf(context);
    const key = `${from.traceId}/${from.spanId}`;
    if (from.traceId === this.parentTrace || this.linked.size === MAX_LINKS || this.linked.has(key)) return;
    this.linked.add(key);
    this.span.addLink({ context: from });
  }

  end(attributes: Attributes, error?: unknown): void {
    this.span.setAttributes({ ...attributes });
    if (error !== undefined) this.span.setAttribute('error.type', codeOf(error) ?? 'INTERNAL');
    // What is the client's fault is no failure of the server.
    if (Number(attributes[STATUS]) >= 500) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.end();
  }
}

/**
 * Makes a request to a receiver. One event is posted in its own trace, so that the receiver goes on where the producer has
 * begun; a list of events joins their traces. What nobody wants traced is sent with the context that its event has.
 */
export async function tracedPost<T>(
  tracers: Tracers,
  post: TracedPost<T>,
  send: (headers: TraceContext | undefined) => Promise<T>,
): Promise<T> {
  const { attributes, events, single, told } = post;
  const wanted = events.filter((event) => isWanted(tracers, event));
  if (wanted.length === 0) return send(single ? events[0] : undefined);
  if (single) return postOne(tracers, post, wanted[0]!, send);
  const joins = wanted.map(({ traceparent }) => ({ trace: sampled(traceparent) }));
  return join(tracers.wanted, { name: 'POST events', attributes, joins }, async (traceparent) => {
    const outcome = await send(traceparent === undefined ? undefined : { traceparent });
    tell(trace.getActiveSpan(), told(outcome));
    return outcome;
  });
}

async function postOne<T>(
  { wanted }: Tracers,
  { attributes, told }: TracedPost<T>,
  event: TraceContext,
  send: (headers: TraceContext) => Promise<T>,
): Promise<T> {
  const active = activeSpan();
  const options = {
    kind: SpanKind.CLIENT,
    attributes: { ...attributes },
    links: active === undefined ? [] : [{ context: active }],
  };
  const span = wanted.startSpan('POST', options, contextAfter(spanContextOf(event)));
  try {
    const outcome = await send(written(span.spanContext()));
    tell(span, told(outcome));
    return outcome;
  } finally {
    span.end();
  }
}

function tell(span: Span | undefined, { attributes, failed }: ReturnType<TracedPost<never>['told']>): void {
  span?.setAttributes({ ...attributes });
  if (failed) span?.setStatus({ code: SpanStatusCode.ERROR });
}

/** Asks the sampler as it was asked at the request: by the trace's id, or by what the event says of itself. */
function isWanted({ sampler }: Tracers, event: TraceContext): boolean {
  const from = spanContextOf(event);
  const context = contextAfter(from);
  // RECORD_AND_SAMPLED
  return sampler.shouldSample(context, from.traceId, 'POST', SpanKind.CLIENT, {}, []).decision === 2;
}

/** The sampler has decided. */
function sampled(traceparent: string): string {
  return `${traceparent.slice(0, -2)}01`;
}
