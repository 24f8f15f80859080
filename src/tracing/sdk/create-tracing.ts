import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../../platform/logger.js';
import type { TracingSettings } from '../settings.js';
import type { Tracing } from '../tracing.js';
import { join } from './join.js';
import { openOutput } from './output.js';
import { beginRequest, tracedPost } from './requests.js';
import { activityInterceptors, clientInterceptors, workflowSinks } from './temporal.js';
import { createTracers } from './tracers.js';

/**
 * Builds tracing on OpenTelemetry's SDK. What is registered globally is how a context follows asynchronous work, and how
 * it is written, without baggage; the former Temporal's interceptors need.
 * @param exporter default: by OTLP over HTTP, in protocol buffers
 */
export function createTracing(
  settings: TracingSettings,
  log: Pick<Logger, 'warn' | 'info'>,
  exporter?: SpanExporter,
): Tracing {
  const output = openOutput(settings, log, exporter);
  const tracers = createTracers(settings, output);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return {
    request: (request) => beginRequest(tracers, request),
    join: (joined, work) => join(tracers.wanted, joined, work),
    post: (post, send) => tracedPost(tracers, post, send),
    client: clientInterceptors(tracers),
    activity: activityInterceptors(tracers),
    sinks: workflowSinks(tracers),
    close: async () => {
      await output.processor.shutdown();
      context.disable();
      propagation.disable();
    },
  };
}
