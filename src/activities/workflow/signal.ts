import type { Client } from '@temporalio/client';
import { encodeUnifiedSearchAttributes } from '@temporalio/common/lib/converter/payload-search-attributes.js';
import { encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { messageOf } from '../../errors.js';
import type { Stream } from '../../events/event.js';
import { eventDigest, type Identified } from '../../events/event-identity.js';
import { subscriptionAttributes } from '../../tenants/search-attributes.js';
import type { WorkflowTarget } from './templates.js';

/** An event on its way to a workflow of the tenant's own. */
export interface WorkflowSignal {
  readonly tenant: string;
  readonly subscription: string;
  readonly target: WorkflowTarget;
  /** What the event is: a signal of the same stream, source and id is taken once by a run. */
  readonly of: Identified & { readonly stream: Stream };
  /** The event as a CloudEvent: the argument of the signal. */
  readonly event: object;
  readonly namespace: string;
}

/** An answer that takes longer counts as a failure; the signal may have been taken all the same. */
const DEADLINE_MS = 10_000;

/** Bounded by `history.maximumSignalsPerExecution`: 10,000 where nobody has changed it. */
const SIGNALS_EXCEEDED = /exceeded workflow execution limit for signal events/;

/** The run that is to be signalled takes no more signals: only as a new run, or continued as new, it does. */
export class WorkflowFull extends Error {
  constructor(workflowId: string) {
    super(
      `The run of ${workflowId} has had all the signals that Temporal lets a run have: it must continue as new`,
    );
  }
}

/**
 * Signals a workflow, and starts it if it does not run. The client has no way to say the request's id, by which Temporal
 * takes a signal that is sent again only once; so the request is made here.
 * @throws WorkflowFull
 */
export async function signalWithStart(client: Client, signal: WorkflowSignal): Promise<void> {
  const { tenant, subscription, target, of, event, namespace } = signal;
  const converter = client.options.loadedDataConverter;
  const attributes = subscriptionAttributes(tenant, subscription, 'events');
  const request = {
    namespace,
    identity: client.options.identity,
    // A subscription's name has no slash.
    requestId: eventDigest(`${tenant}/${subscription}`, of.stream, [of]).slice(0, 36),
    workflowId: target.id,
    workflowType: { name: target.workflow },
    taskQueue: { name: target.taskQueue },
    signalName: target.signal,
    input: { payloads: await encodeToPayloads(converter, { tenant, subscription }) },
    signalInput: { payloads: await encodeToPayloads(converter, event) },
    searchAttributes: { indexedFields: encodeUnifiedSearchAttributes(undefined, attributes) },
  };
  const { workflowService } = client;
  await client.withDeadline(Date.now() + DEADLINE_MS, () =>
    workflowService.signalWithStartWorkflowExecution(request).catch(async (error: unknown) => {
      if (!isSignalsExceeded(error)) throw error;
      // A signal that the run has had already, of a pass that was lost, is looked for after the limit; a plain one before it.
      const { requestId, signalName, signalInput: input, identity } = request;
      const workflowExecution = { workflowId: target.id };
      await workflowService
        .signalWorkflowExecution({ namespace, identity, workflowExecution, signalName, input, requestId })
        .catch((again: unknown) => {
          throw isSignalsExceeded(again) ? new WorkflowFull(target.id) : again;
        });
    }),
  );
}

function isSignalsExceeded(error: unknown): boolean {
  return SIGNALS_EXCEEDED.test(messageOf(error));
}
