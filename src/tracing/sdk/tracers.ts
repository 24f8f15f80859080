import type { Tracer } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  ParentBasedSampler,
  RandomIdGenerator,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace-base';
import { headgateVersion } from '../../version.js';
import type { TracingSettings } from '../settings.js';
import { MAX_LINKS } from './join.js';
import type { Output } from './output.js';

/** What makes spans, by who decides whether there is one. */
export interface Tracers {
  /** Of requests: the sampler that is set. */
  readonly requests: Tracer;
  /** Of spans within others: there is one if the one around it is sent. */
  readonly inner: Tracer;
  /** Of spans that are known to be wanted. */
  readonly wanted: Tracer;
  /** Like `wanted`, and the next span has this id. */
  withId(spanId: string): Tracer;
  readonly sampler: Sampler;
}

/** Characters of an attribute; ids are shorter. */
const MAX_ATTRIBUTE = 512;

/** Makes tracers that all send to one output. None is registered globally: libraries make no spans of their own. */
export function createTracers(settings: TracingSettings, { resource, processor }: Output): Tracers {
  const ids = new GivenIds();
  const tracerOf = (sampler: Sampler, idGenerator?: GivenIds): Tracer =>
    new BasicTracerProvider({
      resource,
      sampler,
      spanProcessors: [processor],
      idGenerator,
      generalLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE },
      spanLimits: { linkCountLimit: MAX_LINKS },
    }).getTracer('headgate', headgateVersion());
  const withId = tracerOf(new AlwaysOnSampler(), ids);
  const sampler = samplerOf(settings);
  return {
    sampler,
    requests: tracerOf(sampler),
    inner: tracerOf(new ParentBasedSampler({ root: new AlwaysOffSampler() })),
    wanted: tracerOf(new AlwaysOnSampler()),
    withId: (spanId) => {
      ids.next = spanId;
      return withId;
    },
  };
}

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const roots: Record<string, () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const [, parent, root = ''] = /^(parentbased_)?(.+)$/.exec(sampler) ?? [];
  const made = (roots[root] as () => Sampler)();
  return parent === undefined ? made : new ParentBasedSampler({ root: made });
}

/** Gives the next span an id that is known already. */
class GivenIds extends RandomIdGenerator {
  next = '';
  override generateSpanId = (): string => this.next;
}
