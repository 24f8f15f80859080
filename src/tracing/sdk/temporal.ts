import { SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import type { ClientInterceptors, WorkflowClientInterceptor } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import {
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryWorkflowClientInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { ActivityInterceptorsFactory, InjectedSinks, WorkerOptions } from '@temporalio/worker';
import { traceContextIn } from '../../events/trace-context.js';
import { TRACE_HEADER, type TraceSinks } from '../../workflows/messages/traces.js';
import { activeSpan, contextAfter, spanContextOf } from './contexts.js';
import type { Tracers } from './tracers.js';
import { tenantOfWorkflow } from '../../tenants/workflow-ids.js';

/**
 * Temporal's own interceptor, for what starts or signals a workflow from within a span that is sent. What is not traced gets
 * no header, and what only looks makes no span.
 */
export function clientInterceptors({ inner }: Tracers): ClientInterceptors {
  const own = new OpenTelemetryWorkflowClientInterceptor({ tracer: inner });
  const traced: WorkflowClientInterceptor = {
    startWithDetails: (input, next) =>
      activeSpan() === undefined ? next(input) : own.startWithDetails(input, next),
    signalWithStart: (input, next) =>
      activeSpan() === undefined ? next(input) : own.signalWithStart(input, next),
    signal: (input, next) => (activeSpan() === undefined ? next(input) : own.signal(input, next)),
  };
  return { workflow: [traced] };
}

/** Temporal's own interceptor, for activities that come with a trace. */
export function activityInterceptors({ inner }: Tracers): ActivityInterceptorsFactory {
  return (ctx) => ({
    inbound: {
      execute: (input, next) => {
        if (!(TRACE_HEADER in input.headers)) return next(input);
        const own = new OpenTelemetryActivityInboundInterceptor(ctx, { tracer: inner });
        return own.execute(input, async (inside) => {
          const span = trace.getActiveSpan();
          span?.setAttributes(subjectOf(inside.args, ctx.info.workflowExecution?.workflowId));
          try {
            return await next(inside);
          } catch (error) {
            const type = error instanceof ApplicationFailure ? error.type : undefined;
            span?.setAttribute('error.type', type ?? 'unknown');
            throw error;
          }
        });
      },
    },
  });
}

/** The tenant, and the batch where it is one. */
function subjectOf([input]: unknown[], workflowId = ''): Attributes {
  const { batch, subscription } = (input ?? {}) as { batch?: { batchId?: unknown }; subscription?: unknown };
  return {
    'headgate.tenant': tenantOfWorkflow(workflowId),
    'headgate.batch': textOf(batch?.batchId),
    'headgate.subscription': textOf(subscription),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Makes a span of each run of a workflow that comes with a trace, once it has ended. */
export function workflowSinks(tracers: Tracers): NonNullable<WorkerOptions['sinks']> {
  const sinks: InjectedSinks<TraceSinks> = {
    traces: {
      ended: {
        fn: ({ workflowType, workflowId, runId }, { parent, spanId, startedAt, endedAt, failed }) => {
          const from = traceContextIn({ traceparent: parent });
          if (from === undefined) return;
          const attributes = {
            'headgate.tenant': tenantOfWorkflow(workflowId),
            temporalWorkflowId: workflowId,
            run_id: runId,
          };
          const span = tracers
            .withId(spanId)
            .startSpan(
              `RunWorkflow:${workflowType}`,
              { attributes, startTime: startedAt },
              contextAfter(spanContextOf(from)),
            );
          span.setStatus({ code: failed ? SpanStatusCode.ERROR : SpanStatusCode.OK });
          span.end(endedAt);
        },
      },
    },
  };
  return sinks as unknown as NonNullable<WorkerOptions['sinks']>;
}
