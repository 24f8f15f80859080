import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { askTemporal } from '../temporal/ask-temporal.js';
import type { TemporalUi } from '../temporal/workflow-page.js';
import { HeadgateError } from '../errors.js';
import { INPUT_STREAMS, type InputStream } from '../events/event.js';
import { isOwn, type OwnWorkflow } from '../temporal/start-once.js';
import { batchWorkflowId } from '../tenants/workflow-ids.js';
import {
  INGEST_BATCH,
  LOAD_WINDOW,
  type IngestBatchResult,
  type LoadNotice,
  type LoadWindowResult,
  type WindowLoad,
} from '../workflows/messages/batches.js';
import { deliveryReceipts, type DeliveryReceipt } from './delivery-receipts.js';
import { progressOf, type WorkflowProgress } from '../temporal/workflow-progress.js';

/** How a batch and its decisions got into the warehouse. */
interface LoadReceipt {
  readonly workflow: WorkflowProgress;
  /** The loads that hold them; empty until they are loaded. */
  readonly loads: readonly (Pick<WindowLoad, 'stream' | 'loadId' | 'file'> & {
    readonly alreadyHeld: boolean;
  })[];
}

/** What has become of a batch, read from Temporal's history. */
export interface BatchReceipt {
  readonly batchId: string;
  readonly tenant: string;
  readonly stream: InputStream;
  readonly workflow: WorkflowProgress;
  /** Rule evaluations, and eligible ones by rule; absent until its workflow has ended. */
  readonly decisions?: Pick<IngestBatchResult, 'evaluated' | 'eligible'>;
  /** Absent until the batch is announced for loading. */
  readonly load?: LoadReceipt;
  /** What its subscriptions got of it; absent until its workflow has ended, and where no route has matched. */
  readonly deliveries?: readonly DeliveryReceipt[];
}

/** Looks up receipts. */
export interface Receipts {
  /** @throws HeadgateError `NOT_FOUND` (no such batch of this tenant, or past Temporal's retention), `ENGINE_UNAVAILABLE` */
  receiptOf(tenant: string, batchId: string): Promise<BatchReceipt>;
}

/** What {@link createReceipts} needs. */
export interface ReceiptsOptions extends TemporalUi {
  readonly client: Client;
}

/** Builds receipts over Temporal: the batch's workflow by its id, then the load window and the deliveries its result names. */
export function createReceipts(options: ReceiptsOptions): Receipts {
  const { client } = options;

  async function find(tenant: string, batchId: string): Promise<[InputStream, WorkflowExecutionDescription]> {
    for (const stream of INPUT_STREAMS) {
      const own = { type: INGEST_BATCH, tenant };
      const description = await describe(client, own, batchWorkflowId(tenant, stream, batchId));
      if (description !== undefined) return [stream, description];
    }
    throw new HeadgateError(
      'NOT_FOUND',
      'No batch has this id, or it is older than Temporal keeps histories.',
    );
  }

  async function loadOf(
    tenant: string,
    batchId: string,
    { workflowId, runId }: LoadNotice,
  ): Promise<LoadReceipt | undefined> {
    const own = { type: LOAD_WINDOW, tenant };
    let description = await describe(client, own, workflowId, runId);
    // An operator has reset the window while it ran: the latest run has taken its place.
    if (description?.status.name === 'TERMINATED') description = await describe(client, own, workflowId);
    if (description === undefined) return undefined;
    const workflow = progressOf(description, options);
    if (description.status.name !== 'COMPLETED') return { workflow, loads: [] };
    const window = client.workflow.getHandle(workflowId, description.runId);
    const { loads } = (await window.result()) as LoadWindowResult;
    const holding = loads.filter(
      ({ loaded, alreadyHeld }) => loaded.includes(batchId) || alreadyHeld.includes(batchId),
    );
    return {
      workflow,
      loads: holding.map(({ stream, loadId, file, alreadyHeld }) => ({
        stream,
        loadId,
        file,
        alreadyHeld: alreadyHeld.includes(batchId),
      })),
    };
  }

  return {
    receiptOf: async (tenant, batchId) => {
      const [stream, description] = await find(tenant, batchId);
      const receipt = { batchId, tenant, stream, workflow: progressOf(description, options) };
      if (description.status.name !== 'COMPLETED') return receipt;
      const ended = await client.workflow.getHandle(description.workflowId, description.runId).result();
      const { evaluated, eligible, load, deliveries = [] } = ended as IngestBatchResult;
      const [loaded, delivered] = await Promise.all([
        loadOf(tenant, batchId, load),
        deliveries.length === 0 ? undefined : deliveryReceipts(options, tenant, description, deliveries),
      ]);
      return { ...receipt, decisions: { evaluated, eligible }, load: loaded, deliveries: delivered };
    },
  };
}

/** Undefined for what is not there, or is not the tenant's workflow of this type. */
async function describe(
  client: Client,
  own: OwnWorkflow,
  workflowId: string,
  runId?: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    const found = await askTemporal(client, () => client.workflow.getHandle(workflowId, runId).describe());
    return isOwn(found, own) ? found : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
