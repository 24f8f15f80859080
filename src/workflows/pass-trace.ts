import {
  ContinueAsNew,
  defaultPayloadConverter,
  proxySinks,
  workflowInfo,
  type Headers,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptors,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow';
import { TRACE_HEADER, type EndedRun, type TraceSinks } from './messages/traces.js';

type Inbound = Required<Pick<WorkflowInboundCallsInterceptor, 'execute'>>;
type Outbound = Required<
  Pick<
    WorkflowOutboundCallsInterceptor,
    | 'scheduleActivity'
    | 'scheduleLocalActivity'
    | 'startChildWorkflowExecution'
    | 'signalWorkflow'
    | 'continueAsNew'
  >
>;

const { traces } = proxySinks<TraceSinks>();

/**
 * Passes the trace of a workflow on to what it calls, and says when its run has ended. Nothing is awaited and nothing drawn
 * from the workflow's random numbers, so that the order of a workflow's steps is the same with and without a trace: one
 * that began before tracing was switched on, or off, goes on.
 */
class PassTrace implements Inbound, Outbound {
  private own: Headers = {};

  execute: Inbound['execute'] = (input, next) => {
    const carried = carriedIn(input.headers);
    if (carried === undefined) return next(input);
    const { traceparent: parent } = carried;
    const { runId, runStartTime } = workflowInfo();
    // Unique as the run is, and the same wherever and however often the run is replayed.
    const spanId = runId.replaceAll('-', '').slice(-16);
    const [version, traceId, , flags] = parent.split('-');
    const traceparent = [version, traceId, spanId, flags].join('-');
    this.own = { [TRACE_HEADER]: defaultPayloadConverter.toPayload({ ...carried, traceparent }) };
    const ended = (failed: boolean): void => {
      const run: EndedRun = {
        parent,
        spanId,
        startedAt: runStartTime.getTime(),
        endedAt: Date.now(),
        failed,
      };
      traces.ended(run);
    };
    const running = next(input);
    running.then(
      () => ended(false),
      (error: unknown) => ended(!(error instanceof ContinueAsNew)),
    );
    return running;
  };

  scheduleActivity: Outbound['scheduleActivity'] = (input, next) => next(this.traced(input));
  scheduleLocalActivity: Outbound['scheduleLocalActivity'] = (input, next) => next(this.traced(input));
  startChildWorkflowExecution: Outbound['startChildWorkflowExecution'] = (input, next) =>
    next(this.traced(input));
  signalWorkflow: Outbound['signalWorkflow'] = (input, next) => next(this.traced(input));
  continueAsNew: Outbound['continueAsNew'] = (input, next) => next(this.traced(input));

  private traced<Input extends { readonly headers: Headers }>(input: Input): Input {
    return { ...input, headers: { ...input.headers, ...this.own } };
  }
}

interface Carried {
  readonly traceparent: string;
}

/** The trace in the headers of a start; undefined for what is none: anybody who can reach Temporal can start a workflow. */
function carriedIn({ [TRACE_HEADER]: header }: Headers): Carried | undefined {
  if (header === undefined) return undefined;
  try {
    const carried = defaultPayloadConverter.fromPayload<Partial<Carried> | null>(header);
    return typeof carried?.traceparent === 'string' ? (carried as Carried) : undefined;
  } catch {
    return undefined;
  }
}

/** Called by Temporal for each workflow that it runs. */
export function interceptors(): WorkflowInterceptors {
  const trace = new PassTrace();
  return { inbound: [trace], outbound: [trace] };
}
