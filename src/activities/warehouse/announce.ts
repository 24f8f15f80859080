import type { Client } from '@temporalio/client';
import type { BatchRef, Stream } from '../../event.js';
import { faultPoint } from '../../fault-point.js';
import { assertTenantId, loadWorkflowId, tenantQueue, workflowQueue, type Isolation } from '../../tenant.js';
import { searchAttributesOf } from '../../search-attributes.js';
import { ANNOUNCE, LOAD_WINDOW, type LoadNotice, type LoadWindowInput } from '../../workflows/messages.js';

/** What {@link createAnnounceActivities} needs. */
export interface AnnounceOptions {
  readonly client: Client;
  /** The tenant's isolation and window length as configured now. */
  readonly windowsOf: (tenant: string) => { isolation: Isolation; windowMs: number };
  readonly now?: () => number;
}

/** The activities that hand batches to load windows. */
export interface AnnounceActivities {
  /** Announces each batch to the load window of its tenant and stream that is open now, and starts the window if need be. */
  announce(batches: readonly BatchRef[]): Promise<LoadNotice[]>;
}

/** Builds the activities over a Temporal client. */
export function createAnnounceActivities(options: AnnounceOptions): AnnounceActivities {
  return {
    announce: (batches) => Promise.all(batches.map((batch) => announceOne(options, batch))),
  };
}

/** A signal may arrive twice when an attempt's answer is lost; the window keeps each batch once. */
async function announceOne(options: AnnounceOptions, batch: BatchRef): Promise<LoadNotice> {
  const tenant = assertTenantId(batch.tenant);
  const { stream, batchId } = batch;
  const { isolation, windowMs } = options.windowsOf(tenant);
  const { window, closesAt } = windowAt(options.now?.() ?? Date.now(), windowMs, tenant, stream);
  const input: LoadWindowInput = { tenant, stream, window, closesAt, activityQueue: tenantQueue(tenant) };
  const workflowId = loadWorkflowId(tenant, stream, window);
  faultPoint('announce.before');
  const { signaledRunId: runId } = await options.client.workflow.signalWithStart(LOAD_WINDOW, {
    workflowId,
    taskQueue: workflowQueue(tenant, isolation),
    args: [input],
    signal: ANNOUNCE,
    signalArgs: [batch],
    // A window that has loaded and ended is opened again by a late batch; loads are named by their members.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: `${tenant} · ${stream} · load window of ${windowMs / 1000} s`,
    typedSearchAttributes: searchAttributesOf(tenant, stream),
  });
  faultPoint('announce.after');
  return { stream, batchId, workflowId, runId };
}

/** Windows follow each other without gaps; each tenant and stream has its own phase, so that they do not all load at once. */
export function windowAt(
  now: number,
  windowMs: number,
  tenant: string,
  stream: Stream,
): { window: string; closesAt: number } {
  let phase = 0;
  for (const char of `${tenant}/${stream}`) phase = (phase * 31 + char.charCodeAt(0)) % windowMs;
  const start = Math.floor((now - phase) / windowMs) * windowMs + phase;
  return { window: new Date(start).toISOString().replaceAll(/[-:]/g, ''), closesAt: start + windowMs };
}
