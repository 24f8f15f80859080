import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { WorkflowHandle } from '@temporalio/client';
import type { BatchRef, EventRow } from '../../src/events/event.js';
import { createPull, type Pull, type PullObserver } from '../../src/pull/pull.js';
import type { PullConfig } from '../../src/tenants/config/subscription-config.js';
import type { TenantConfig } from '../../src/tenants/config/tenant-config.js';
import { deliverWorkflowId } from '../../src/tenants/workflow-ids.js';
import { poolQueue, subscriptionQueue, tenantQueue } from '../../src/tenants/queues.js';
import { DELIVER, type DeliverInput, type DeliverResult } from '../../src/workflows/messages/deliveries.js';
import { startTestApi, type TestApi, type TestApiOptions } from './api.js';
import { SILENT, startPipeline, type Pipeline } from './pipeline.js';
import { testNamespace } from './temporal.js';

/** What a message of an answer to a pull is. */
export interface Message {
  readonly ackId: string;
  readonly attempt: number;
  readonly event: Readonly<Record<string, unknown>> & { readonly id: string };
}

/** An answer to one of the calls of a consumer. */
export interface ConsumerAnswer {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
  readonly messages: readonly Message[];
  readonly results: readonly { readonly ackId: string; readonly status: string }[];
}

/** A pipeline whose tenants have pull subscriptions, and an API before it. */
export interface Pulling {
  readonly pipeline: Pipeline;
  readonly api: TestApi;
  readonly pull: Pull;
  /** Starts the delivery of some events as one batch. */
  deliver(tenant: string, subscription: string, rows: readonly EventRow[]): Promise<WorkflowHandle>;
  /** What has come of it. */
  resultOf(delivery: WorkflowHandle): Promise<DeliverResult>;
  /** Calls `…/<call>` for a tenant, or with a token. */
  call(who: string, subscription: string, call: string, body?: unknown): Promise<ConsumerAnswer>;
  /** Another process: it shares Temporal and files alone. */
  another(): Pull;
  stop(): Promise<void>;
}

/** How tests have their subscriptions otherwise than a file may say: shorter deadlines, fewer attempts. */
export type Overrides = Partial<Pick<PullConfig, 'ackDeadlineMs' | 'maxAttempts'>>;

/** Starts all of it; `subscriptions` by tenant, as their files say. */
export async function startPulling(
  subscriptions: Readonly<Record<string, readonly object[]>>,
  overrides: Readonly<Record<string, Overrides>> = {},
  observer?: PullObserver,
  { maxLongPolls, ...more }: TestApiOptions & { readonly maxLongPolls?: number } = {},
): Promise<Pulling> {
  const files = Object.entries(subscriptions).map(([tenant, own]) => [tenant, { subscriptions: own }]);
  const pipeline = await startPipeline(Object.fromEntries(files) as Record<string, object>);
  const configOf = (tenant: string): TenantConfig | undefined => {
    const config = pipeline.registry.get(tenant)?.config;
    if (config === undefined) return undefined;
    const changed = config.subscriptions.map((each) => ({ ...each, ...overrides[each.name] }));
    return { ...config, subscriptions: changed as TenantConfig['subscriptions'] };
  };
  const { client, stores } = pipeline;
  const another = (): Pull =>
    createPull({
      client,
      namespace: testNamespace(),
      batchStore: stores.batchStore,
      configOf,
      log: SILENT,
      observer,
      maxLongPolls,
    });
  const pull = another();
  const tenants = Object.fromEntries(Object.keys(subscriptions).map((id) => [id, 'active' as const]));
  const api = await startTestApi({ pull, tenants, ...more });
  return {
    pipeline,
    api,
    pull,
    another,
    deliver: (tenant, subscription, rows) => deliver(pipeline, tenant, subscription, rows),
    resultOf: (delivery) => delivery.result() as Promise<DeliverResult>,
    call: async (who, subscription, call, body) => {
      const token = who.includes('.') ? who : await api.token({ tenant: who });
      const answer = await api.post(body === undefined ? undefined : JSON.stringify(body), {
        path: `/v1/subscriptions/${subscription}/${call}`,
        token,
      });
      const { messages = [], results = [], code, detail } = answer.body as unknown as ConsumerAnswer;
      return { status: answer.status, code, detail, messages, results };
    },
    stop: async () => {
      await Promise.all([api.close(), pull.close()]);
      await pipeline.stop();
    },
  };
}

let batches = 0;
const NODE = randomBytes(4).toString('hex');

/** Writes a batch file as the starter does. */
function writeBatch(pipeline: Pipeline, tenant: string, rows: readonly EventRow[]): Promise<BatchRef> {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const batchId = `${day}-${NODE}-${(++batches).toString(36).padStart(9, '0')}`;
  const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const name = { tenant, stream: 'events', batchId } as const;
  return pipeline.stores.batchStore.write(name, gzipSync(ndjson, { level: 1 }), rows.length);
}

async function deliver(
  pipeline: Pipeline,
  tenant: string,
  subscription: string,
  rows: readonly EventRow[],
): Promise<WorkflowHandle> {
  const batch = await writeBatch(pipeline, tenant, rows);
  const input: DeliverInput = {
    tenant,
    subscription,
    kind: 'pull',
    batch,
    count: rows.length,
    priority: 'normal',
    queue: subscriptionQueue(tenant, subscription),
    activityQueue: tenantQueue(tenant),
    expiresAt: Date.now() + 24 * 60 * 60 * 1000,
  };
  return pipeline.client.workflow.start(DELIVER, {
    workflowId: deliverWorkflowId(tenant, subscription, batch.batchId, {
      stream: 'events',
      priority: 'normal',
    }),
    taskQueue: poolQueue(),
    args: [input],
  });
}

/** Events of one batch. */
export function flights(prefix: string, count: number, more: Partial<EventRow> = {}): EventRow[] {
  return Array.from({ length: count }, (_, index) => ({
    specversion: '1.0',
    id: `${prefix}-${index}`,
    source: '/airports/EWR',
    type: 'flight.arrived',
    time: '2013-01-01T05:00:00Z',
    subject: `N${index % 3}`,
    data: { minutes: index, carrier: 'UA', flight: 1545, origin: 'EWR', dest: 'IAH' },
    received_at: '2013-01-02T00:00:00.000Z',
    ...more,
  }));
}

/** Ids of the events in an answer. */
export function idsOf({ messages }: Pick<ConsumerAnswer, 'messages'>): string[] {
  return messages.map(({ event }) => event.id);
}

/** The ack ids in an answer. */
export function ackIdsOf({ messages }: Pick<ConsumerAnswer, 'messages'>): { ackIds: string[] } {
  return { ackIds: messages.map(({ ackId }) => ackId) };
}
