import type { ClientInterceptors } from '@temporalio/client';
import type { ActivityInterceptorsFactory, WorkerOptions } from '@temporalio/worker';
import type { InputStream } from '../events/event.js';
import type { TraceContext } from '../events/trace-context.js';

/** What a span says beside its name: ids and counts, never what is in an event. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** A request that brings events. */
export interface TracedRequest {
  readonly tenant: string;
  readonly stream: InputStream;
  /** Its headers. */
  readonly headers: object;
  /** Its first event, parsed but not validated; its context counts where the headers have none. */
  readonly first: unknown;
  /** When it came, milliseconds since the epoch. */
  readonly beganAt: number;
}

/** The span of a request. */
export interface RequestSpan {
  /** What those of its events carry that come without a context. */
  readonly context: TraceContext;
  /** Notes an event that has come with a context of its own. */
  brings(context: TraceContext): void;
  end(attributes: Attributes, error?: unknown): void;
}

/** A trace that is joined with others by some work. */
export interface Joined {
  /** `traceparent` of the span that this work goes on from; absent where that is not traced. */
  readonly trace?: string;
  /** Since when it has waited for this work, milliseconds since the epoch. Default: since the work began. */
  readonly since?: number;
}

/** Work on what several traces have brought. */
export interface Join {
  readonly name: string;
  readonly attributes: Attributes;
  readonly joins: readonly Joined[];
}

/** A request to a receiver. */
export interface TracedPost<Outcome> {
  readonly attributes: Attributes;
  /** The contexts of the events in it. */
  readonly events: readonly TraceContext[];
  /** It posts one event, and not a list of them. */
  readonly single: boolean;
  /** What its outcome is in the span. */
  readonly told: (outcome: Outcome) => { readonly attributes: Attributes; readonly failed: boolean };
}

/** What follows events through the pipeline, for an OpenTelemetry receiver. Where it is off there is none. */
export interface Tracing {
  /** Begins the span of a request; undefined where the request is not to be traced. */
  request(request: TracedRequest): RequestSpan | undefined;
  /**
   * Does work that belongs to several traces, in a span that links to the spans it goes on from. Each of their traces has a
   * span that links to that one. Without a trace among them it only does the work.
   * @param work is given the `traceparent` of the span
   */
  join<T>(join: Join, work: (trace: string | undefined) => Promise<T>): Promise<T>;
  /**
   * Makes a request to a receiver, in the trace of its event.
   * @param send is given the headers to send
   */
  post<T>(post: TracedPost<T>, send: (headers: TraceContext | undefined) => Promise<T>): Promise<T>;
  /** Brings the context of what starts or signals a workflow into its headers. */
  readonly client: ClientInterceptors;
  /** Runs an activity in the trace of its workflow. */
  readonly activity: ActivityInterceptorsFactory;
  /** Makes spans of the runs of workflows. */
  readonly sinks: NonNullable<WorkerOptions['sinks']>;
  /** Sends what is there, for five seconds at most, and ends. */
  close(): Promise<void>;
}

/** Does work that belongs to several traces, see {@link Tracing.join}; without tracing it only does the work. */
export function joined<T>(
  tracing: Pick<Tracing, 'join'> | undefined,
  join: () => Join,
  work: (trace: string | undefined) => Promise<T>,
): Promise<T> {
  return tracing === undefined ? work(undefined) : tracing.join(join(), work);
}
