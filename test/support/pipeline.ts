import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, type NativeConnection } from '@temporalio/worker';
import { createDeadLetterEvents } from '../../src/dead-letters/dead-letter-events.js';
import { createDeadLetterIngest } from '../../src/dead-letters/dead-letter-ingest.js';
import { createActivities, type WorkerActivities } from '../../src/activities/index.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { EventRow, InputStream } from '../../src/events/event.js';
import type { Plan } from '../../src/ingest/partition.js';
import type { Chunk } from '../../src/events/chunk.js';
import { Spool } from '../../src/ingest/spool.js';
import { createStarter, type StarterOptions } from '../../src/ingest/starter.js';
import { decideChunk, newSubjectRecord } from '../../src/eligibility/decide-chunk.js';
import { createLogger } from '../../src/platform/logger.js';
import { openSharedStores, type SharedStores } from '../../src/roles/stores.js';
import { createParquetWarehouse } from '../../src/stores/warehouse/parquet/parquet.js';
import {
  configuredTenant,
  openTenantRegistry,
  type TenantRegistry,
} from '../../src/tenants/config/registry.js';
import { readVersion } from '../../src/tenants/config/versions.js';
import type { SubjectRecord } from '../../src/stores/state/state-store.js';
import { batchWorkflowId } from '../../src/tenants/workflow-ids.js';
import { SubscriptionControl } from '../../src/subscriptions/control.js';
import { ChunkRouting } from '../../src/routing/chunk-routing.js';
import { observeLoads, paceLoads } from '../../src/workers/observed-warehouse.js';
import { Pace } from '../../src/workers/pace.js';
import { ownClient } from '../../src/temporal/own-client.js';
import { createQueueRates } from '../../src/temporal/queue-rates.js';
import { tellTouched } from '../../src/temporal/touched-runs.js';
import { startWorkerHost, type WorkerHost } from '../../src/workers/worker-host.js';
import type { IngestBatchResult } from '../../src/workflows/messages/batches.js';
import { appendTo, recordOf } from './records.js';
import { temporalAddress, testNamespace } from './temporal.js';
import { until } from './until.js';

/** A silent log: what these tests provoke is not news. */
export const SILENT = createLogger('silent');

/** A batch on its way. */
export interface Submitted {
  readonly plan: Plan;
  readonly chunk: Chunk;
  readonly handle: WorkflowHandle;
  /** Resolves when the batch's workflow has ended; without a result if it has failed. */
  readonly ended: Promise<IngestBatchResult | undefined>;
}

/** What follows the spool, in this process and over a temporary directory: starter, workflows, activities, stores. */
export interface Pipeline {
  readonly client: Client;
  readonly connection: NativeConnection;
  readonly spool: Spool;
  readonly stores: SharedStores;
  readonly registry: TenantRegistry;
  readonly host: WorkerHost;
  readonly control: SubscriptionControl;
  /** What stands in for an activity while a test runs; to be emptied after it. */
  readonly replaced: Partial<WorkerActivities>;
  /** The activities as they are. */
  readonly activities: WorkerActivities;
  /** Adds or changes a tenant, and waits until that has been heard of. */
  tenant(id: string, more?: object): Promise<void>;
  /** Takes events in as the ingest process does: decisions, spool, plan, files, workflow. */
  submit(tenant: string, rows: readonly EventRow[], stream?: InputStream): Promise<Submitted>;
  /** Decides on events, takes them into the spool and plans their batch, and does no more. */
  spooled(tenant: string, rows: readonly EventRow[], stream?: InputStream): Promise<[Plan, Chunk]>;
  /** Carries a batch that is in the spool to the end of its workflow, as a process does that has been started again. */
  carry(plan: Plan, chunks: Chunk | readonly Chunk[], more?: Partial<StarterOptions>): Submitted;
  stop(): Promise<void>;
}

let bundle: Promise<string> | undefined;

/** The workflows as they are in `src`, bundled once per run. */
export function workflowCode(): Promise<string> {
  const pathOf = (file: string) => fileURLToPath(new URL(`../../src/workflows/${file}`, import.meta.url));
  bundle ??= bundleWorkflowCode({
    workflowsPath: pathOf('index.ts'),
    workflowInterceptorModules: ['pass-trace.ts', 'notice-touched.ts'].map(pathOf),
    logger: new DefaultLogger('WARN'),
  }).then(({ code }) => code);
  return bundle;
}

/** Connects to the run's Temporal server. */
export function connect(): Promise<NativeConnection> {
  return connectTemporal({ address: temporalAddress() });
}

/** Starts a pipeline; `tenants` are by id what their files say otherwise than by default. */
export async function startPipeline(tenants: Readonly<Record<string, object>>): Promise<Pipeline> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-pipeline-'));
  const stores = openSharedStores(dir);
  for (const [id, more] of Object.entries(tenants)) await writeTenant(stores.paths.tenants, id, more);
  const registry = await openTenantRegistry({
    dir: stores.paths.tenants,
    versions: stores.paths.tenantVersions,
  });
  const connection = await connect();
  const client = ownClient({ connection, namespace: testNamespace() });
  const ceilingOf = (id: string) => registry.get(id)?.config.limits.activitiesPerSecond;
  const rates = createQueueRates(connection, testNamespace());
  const pace = new Pace({ rates, ceilingOf, log: SILENT });
  const control = new SubscriptionControl({ rates, configOf: (id) => registry.get(id)?.config, log: SILENT });
  const warehouse = observeLoads(createParquetWarehouse({ root: stores.paths.warehouse }), paceLoads(pace));
  const replaced: Partial<WorkerActivities> = {};
  const real = createActivities({
    client,
    warehouse,
    batchStore: stores.batchStore,
    windowsPerSecond: 1_000,
    control,
    quarantine: stores.quarantine,
    log: SILENT,
    passes: { pushPass: unreachable, workflowPass: unreachable },
    tenant: (id) => configuredTenant(registry, id),
    versionOf: (id, version) => readVersion(stores.paths.tenantVersions, id, version),
  });
  const workflowBundle = join(dir, 'workflow-bundle.js');
  await writeFile(workflowBundle, await workflowCode());
  const host = await startWorkerHost({
    connection,
    namespace: testNamespace(),
    registry,
    workflowBundle,
    graceSeconds: 5,
    log: SILENT,
    alignRate: (id) => pace.align(id),
    alignSubscription: (id, name) => control.align(id, name),
    activities: replaceable(real, replaced),
    onTouched: (run) => tellTouched(client, run),
    onFatal: (reason) => console.error(reason),
  });
  const spool = new Spool(stores.paths.spool);
  const stopping = new AbortController();
  const carry = carrier({ client, stores, registry, host, spool, signal: stopping.signal });
  const subjects = new Map<string, SubjectRecord>();
  const decideAndSpool: Pipeline['spooled'] = (tenant, rows, stream = 'events') =>
    spooled({ spool, registry, subjects }, tenant, rows, stream);
  return {
    client,
    connection,
    spool,
    stores,
    registry,
    host,
    control,
    replaced,
    carry,
    activities: real,
    tenant: async (id, more = {}) => {
      const before = registry.get(id);
      await writeTenant(stores.paths.tenants, id, more);
      await until(() => {
        if (registry.get(id) === before) throw new Error(`the registry has not heard of ${id}`);
      }, 5_000);
    },
    spooled: decideAndSpool,
    submit: async (...batch) => carry(...(await decideAndSpool(...batch))),
    stop: async () => {
      stopping.abort();
      await host.stop();
      await pace.close();
      await registry.close();
      await warehouse.close();
      await spool.close();
      await connection.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const unreachable = (): Promise<never> =>
  Promise.reject(new Error('this pipeline delivers nothing on its own'));

type CarrierParts = Pick<Pipeline, 'client' | 'stores' | 'registry' | 'host' | 'spool'> & {
  readonly signal: AbortSignal;
};

function carrier({ client, stores, registry, host, spool, signal }: CarrierParts): Pipeline['carry'] {
  const isolationOf = (id: string) => registry.get(id)?.config.isolation ?? 'pooled';
  const deadLetterEvents = createDeadLetterEvents({ client, batchStore: stores.batchStore, isolationOf });
  const deadLetterIngest = createDeadLetterIngest(deadLetterEvents, () => 7 * 24 * 3_600_000);
  return (plan, some, more = {}) => {
    const chunks = [some].flat();
    const ended = new Promise<IngestBatchResult | undefined>((onEnded, onError) => {
      const run = createStarter({
        client,
        spool,
        batchStore: stores.batchStore,
        log: SILENT,
        signal,
        quarantine: stores.quarantine,
        deadLetterIngest,
        isolationOf,
        nextBatchId: () => spool.batchIds.next(),
        eager: (id) => host.runsWorkflowsOf(id),
        onHandedOver: () => undefined,
        onEnded: (_plan, result) => onEnded(result),
        ...more,
      });
      run(plan, chunks).catch(onError);
    });
    // Not every test waits for it.
    ended.catch(() => undefined);
    const workflowId = batchWorkflowId(plan.tenant, plan.stream, plan.batchId);
    return { plan, chunk: chunks[0] as Chunk, handle: client.workflow.getHandle(workflowId), ended };
  };
}

interface IngressParts {
  readonly spool: Spool;
  readonly registry: TenantRegistry;
  /** What is known of subjects, by tenant and subject. */
  readonly subjects: Map<string, SubjectRecord>;
}

async function spooled(
  { spool, registry, subjects }: IngressParts,
  tenant: string,
  rows: readonly EventRow[],
  stream: InputStream,
): Promise<[Plan, Chunk]> {
  const rules = registry.get(tenant)?.rules;
  if (rules === undefined) throw new Error(`${tenant} is not configured`);
  const recordOfSubject = (subject: string): SubjectRecord => {
    const record = subjects.get(`${tenant}/${subject}`) ?? newSubjectRecord();
    subjects.set(`${tenant}/${subject}`, record);
    return record;
  };
  const router = registry.get(tenant)?.router;
  const routing = router && new ChunkRouting(router, stream, () => false);
  const fail = (_event: EventRow, error: unknown): void => {
    throw error;
  };
  const watch = { onChanged: routing?.onChanged };
  const decided = decideChunk(stream, rows, rules, recordOfSubject, fail, watch);
  rows.forEach((row, line) => routing?.take(row, line));
  const [head, body] = recordOf(tenant, stream, rows, decided);
  const routed = routing?.routed();
  const chunk = await appendTo(spool, { ...head, routed }, body);
  const plan = { tenant, stream, batchId: batchIdOf(spool, chunk), events: rows.length };
  return [{ ...plan, firstSeq: chunk.seq, lastSeq: chunk.seq }, chunk];
}

/** Batch ids have the day of their plan and the sequence number of their first chunk. */
function batchIdOf(spool: Spool, chunk: Chunk): string {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  return `${day}-${spool.node}-${chunk.seq.toString(36).padStart(9, '0')}`;
}

function replaceable(real: WorkerActivities, replaced: Partial<WorkerActivities>): WorkerActivities {
  const names = Object.keys(real) as (keyof WorkerActivities)[];
  const call =
    (name: keyof WorkerActivities) =>
    (...args: never[]) =>
      (replaced[name] ?? real[name])(...(args as [never]));
  return Object.fromEntries(names.map((name) => [name, call(name)])) as unknown as WorkerActivities;
}

/** A tenant with one rule, `late`, over an aggregate; JSON is YAML. */
async function writeTenant(dir: string, tenant: string, more: object): Promise<void> {
  const config = {
    tenant,
    warehouse: { window: '1s' },
    aggregates: { arrivals: { on: ['flight.arrived'], op: 'count', window: '24h' } },
    rules: [
      { name: 'late', on: ['flight.arrived'], when: 'event.data.minutes >= 60 && aggregates.arrivals >= 1' },
    ],
    ...more,
  };
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, `${tenant}.yaml`), JSON.stringify(config));
}

/** Arrivals of one aircraft each, `minutes` late. */
export function arrivals(prefix: string, minutes: readonly number[]): EventRow[] {
  return minutes.map((late, index) => ({
    specversion: '1.0',
    id: `${prefix}-${index}`,
    source: '/airports/EWR',
    type: 'flight.arrived',
    time: new Date(Date.UTC(2013, 0, 1, 5, index)).toISOString(),
    subject: `${prefix}-N${index % 3}`,
    data: { minutes: late },
    received_at: '2013-01-02T00:00:00.000Z',
  }));
}
