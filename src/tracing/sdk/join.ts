import {
  SpanStatusCode,
  context,
  trace,
  type Attributes as SpanAttributes,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { codeOf } from '../../errors.js';
import type { Join } from '../tracing.js';
import { activeSpan, contextAfter, isSampled, spanContextOf, written } from './contexts.js';

/** Traces that one span is linked with, at most. */
export const MAX_LINKS = 32;

interface Member {
  readonly from: SpanContext;
  readonly since: number;
}

/**
 * Does work that belongs to several traces: its span has links to those it goes on from, and each of their traces has a
 * span that links to it, so that the way leads in both directions. With more traces than {@link MAX_LINKS} the rest is left
 * out, and their number is said.
 */
export async function join<T>(
  tracer: Tracer,
  { name, attributes, joins }: Join,
  work: (trace: string | undefined) => Promise<T>,
): Promise<T> {
  const began = Date.now();
  const members = membersOf(joins, began);
  const active = activeSpan();
  if (members.length === 0 && active === undefined) return work(undefined);
  const linked = members.slice(0, MAX_LINKS);
  const all: SpanAttributes = { ...attributes };
  if (members.length > linked.length) all['headgate.links_left_out'] = members.length - linked.length;
  const links = linked.map(({ from }) => ({ context: from }));
  const span = tracer.startSpan(name, { attributes: all, links, startTime: began }, contextAfter(active));
  const own = span.spanContext();
  try {
    return await context.with(trace.setSpan(context.active(), span), () => work(written(own).traceparent));
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', codeOf(error) ?? 'unknown');
    throw error;
  } finally {
    span.end();
    for (const member of linked) if (member.from.traceId !== own.traceId) pointTo(tracer, member, own, all);
  }

  function pointTo(from: Tracer, member: Member, to: SpanContext, said: SpanAttributes): void {
    const options = { attributes: said, links: [{ context: to }], startTime: member.since };
    from.startSpan(name, options, contextAfter(member.from)).end();
  }
}

/** Each span once: many of the parts may have come with one request. */
function membersOf(joins: Join['joins'], now: number): Member[] {
  const members = new Map<string, Member>();
  for (const { trace: traceparent, since = now } of joins) {
    if (traceparent === undefined) continue;
    const from = spanContextOf({ traceparent });
    const key = `${from.traceId}/${from.spanId}`;
    const known = members.get(key);
    if (isSampled(from)) members.set(key, { from, since: Math.min(since, known?.since ?? since) });
  }
  return [...members.values()];
}
