import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { LRUCache } from 'lru-cache';
import { HeadgateError } from '../../errors.js';
import type { BatchRef } from '../../events/event.js';
import { faultPoint } from '../../platform/fault-point.js';
import { loadWorkflowId } from '../../tenants/workflow-ids.js';
import { tenantQueue, workflowQueue, type Isolation } from '../../tenants/queues.js';
import { assertTenantId } from '../../tenants/ids.js';
import { searchAttributesOf } from '../../tenants/search-attributes.js';
import { assertOwn } from '../../temporal/start-once.js';
import {
  ANNOUNCE,
  LOAD_WINDOW,
  WORKFLOW_TASK_TIMEOUT,
  type LoadNotice,
  type LoadWindowInput,
  type WindowSize,
} from '../../workflows/messages/batches.js';
import { FULL_OF_JOBS, createProjectWindowLength } from './load-control/project-windows.js';
import { createWindowLength } from './load-control/window-length.js';

/** What {@link createAnnounceActivities} needs. */
export interface AnnounceOptions {
  readonly client: Client;
  /** The tenant's windows as configured now. */
  readonly windowsOf: (tenant: string) => TenantWindows;
  /** Windows per second, of all tenants, beyond which windows get longer. */
  readonly windowsPerSecond: number;
  /** Called with the length of the window that a batch was announced to. */
  readonly onWindow?: (tenant: string, windowMs: number) => void;
  readonly now?: () => number;
}

/** How a tenant's windows are to be. */
export interface TenantWindows {
  readonly isolation: Isolation;
  readonly windowMs: number;
  /** Of a tenant in BigQuery: the project that its load jobs count in. */
  readonly project?: string;
}

/** The activities that hand batches to load windows. */
export interface AnnounceActivities {
  /**
   * Announces a tenant's batches to its load window that is open now, and starts the window if need be.
   * Fails with type `STATE_CONFLICT` when they are of several tenants, and `WORKFLOW_FOREIGN` when what took the signal is
   * not a load window of the tenant.
   */
  announce(batches: readonly BatchRef[]): Promise<LoadNotice>;
}

/** Runs of load windows that are remembered, of all tenants. */
const MAX_KNOWN = 10_000;

/** Builds the activities over a Temporal client. */
export function createAnnounceActivities(options: AnnounceOptions): AnnounceActivities {
  const lengthOf = createWindowLength(options.windowsPerSecond);
  const lengthInProject = createProjectWindowLength();
  /** Runs that have been found to be the tenant's window: each is asked for once. */
  const known = new LRUCache<string, true>({ max: MAX_KNOWN });

  async function assertWindow(tenant: string, workflowId: string, runId: string): Promise<void> {
    if (known.has(runId)) return;
    await assertOwn(options.client, workflowId, { type: LOAD_WINDOW, tenant });
    known.set(runId, true);
  }

  return {
    // A signal may arrive twice when an attempt's answer is lost; the window keeps each batch once.
    announce: async (batches) => {
      const tenant = tenantOf(batches);
      const now = options.now?.() ?? Date.now();
      const { isolation, windowMs: configured, project } = options.windowsOf(tenant);
      const windowMs =
        project === undefined
          ? lengthOf(tenant, configured, now)
          : lengthInProject({ project, tenant, configuredMs: configured, size: sizeOf(batches), now });
      options.onWindow?.(tenant, windowMs);
      const { window, closesAt } = windowAt(now, windowMs, tenant);
      const input: LoadWindowInput = {
        tenant,
        window,
        closesAt,
        lengthMs: windowMs,
        activityQueue: tenantQueue(tenant),
        ...(project !== undefined && { full: FULL_OF_JOBS }),
      };
      const workflowId = loadWorkflowId(tenant, window);
      faultPoint('announce.before');
      const { signaledRunId: runId } = await options.client.workflow.signalWithStart(LOAD_WINDOW, {
        workflowId,
        taskQueue: workflowQueue(tenant, isolation),
        args: [input],
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
        signal: ANNOUNCE,
        signalArgs: [batches],
        // A window that has loaded and ended is opened again by a late batch; loads are named by their members.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `${tenant} · load window of ${windowMs / 1000} s`,
        typedSearchAttributes: searchAttributesOf(tenant),
      });
      await assertWindow(tenant, workflowId, runId);
      faultPoint('announce.after');
      return { workflowId, runId };
    },
  };
}

function tenantOf(batches: readonly BatchRef[]): string {
  const tenant = assertTenantId(batches[0]?.tenant);
  if (batches.every((batch) => batch.tenant === tenant)) return tenant;
  throw new HeadgateError('STATE_CONFLICT', 'Batches of several tenants cannot be announced together.');
}

function sizeOf(batches: readonly BatchRef[]): WindowSize {
  return { batches: batches.length, bytes: batches.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Windows follow each other without gaps; each tenant has its own phase, so that they do not all load at once. */
export function windowAt(
  now: number,
  windowMs: number,
  tenant: string,
): { window: string; closesAt: number } {
  const phase = Math.floor(spotOf(tenant) * windowMs);
  const start = Math.floor((now - phase) / windowMs) * windowMs + phase;
  return { window: new Date(start).toISOString().replaceAll(/[-:]/g, ''), closesAt: start + windowMs };
}

/** A number from 0 to 1 that is far from its neighbour's for names that differ in one digit. */
function spotOf(tenant: string): number {
  return createHash('sha256').update(tenant).digest().readUInt32LE() / 2 ** 32;
}
