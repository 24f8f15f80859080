import type { Client } from '@temporalio/client';
import { encodeUnifiedSearchAttributes } from '@temporalio/common/lib/converter/payload-search-attributes.js';
import { encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { Stream } from '../../event.js';
import { eventDigest, type Identified } from '../../event-identity.js';
import { subscriptionAttributes } from '../../search-attributes.js';
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

/**
 * Signals a workflow, and starts it if it does not run. The client has no way to say the request's id, by which Temporal
 * takes a signal that is sent again only once; so the request is made here.
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
  await client.withDeadline(Date.now() + DEADLINE_MS, () =>
    client.workflowService.signalWithStartWorkflowExecution(request),
  );
}
