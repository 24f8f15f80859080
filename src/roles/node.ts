import { createReadiness } from '../api/routes/health.js';
import type { ListeningApi } from '../api/server.js';
import { AuditLog } from '../audit-log/audit-log.js';
import { auditLogPlaces } from '../audit-log/files.js';
import { replayMemory } from '../activities/replay/replay.js';
import { secretReader, type Config, type SecretReader } from '../config.js';
import { ownClient } from '../temporal/own-client.js';
import { installRuntime } from '../temporal/runtime.js';
import { assertClock } from '../temporal/temporal-clock.js';
import { openTemporal, type Temporal } from '../temporal/temporal.js';
import type { Plan } from '../ingest/partition.js';
import { lockSpool } from '../ingest/spool-lock.js';
import { Turns } from '../platform/event-loop-turns.js';
import { DAY_MS } from '../platform/time.js';
import { armFaultPoint } from '../platform/fault-point.js';
import type { Logger } from '../platform/logger.js';
import { openTracing } from '../tracing/open-tracing.js';
import { createMetrics } from '../observability/create-metrics.js';
import { openHoldings, type Holdings } from '../recovery/holdings.js';
import { identified } from '../stores/batch-store/identified.js';
import { StoredSecrets } from '../stores/secrets/stored-secrets.js';
import { createUsageRecorder } from '../stores/usage/recorder.js';
import { createSeal } from '../stores/batch-store/seal.js';
import { ReadingApart } from '../tenants/config/reading-apart.js';
import { openTenantRegistry, type TenantRegistry } from '../tenants/config/registry.js';
import { SecretOwners } from '../tenants/config/secret-owners.js';
import type { IngestBatchResult } from '../workflows/messages/batches.js';
import { startApiRole, type ApiRole } from './api-role.js';
import { closeToOthers } from './data-directory.js';
import { shareGrace } from './grace.js';
import { holdNamespace } from './hold-namespace.js';
import { listenForScrapes } from './metrics-listener.js';
import { dataPaths, openCheckedBatchStore, openSharedStores, type SharedStores } from './stores.js';
import { temporalAnswers } from './open-admission.js';
import type { RoleOptions } from './role-options.js';
import type { Roles } from './roles.js';
import { openSubscriptionControl } from './subscription-control.js';
import { startWorkerRole, type LoadedListener } from './worker-role.js';
import type { WorkerHost } from '../workers/worker-host.js';

/** What {@link startNode} needs. */
export interface NodeOptions {
  readonly config: Config;
  readonly roles: Roles;
  readonly log: Logger;
  /** Called with what takes time at start, in plain words. */
  readonly onProgress?: (message: string) => void;
  /** Called when the process can no longer do its work. */
  readonly onFatal: (reason: string) => void;
  /** Ends the wait for a state store that does not answer; the start fails then. */
  readonly signal?: AbortSignal;
  readonly onBatchEnded?: (plan: Plan, result: IngestBatchResult | undefined) => void;
  readonly onLoaded?: LoadedListener;
}

/** A running Headgate process. */
export interface HeadgateNode {
  /** Address of the API, if it plays that role. */
  readonly url?: string;
  /** Where `/metrics` is, if anywhere. */
  readonly metricsUrl?: string;
  readonly temporal: Temporal;
  readonly registry: TenantRegistry;
  readonly stores: SharedStores;
  /** Stops in the order of the pipeline: API, ingest, workers, stores, Temporal. What was acknowledged is kept. */
  stop(): Promise<void>;
}

/**
 * Starts a process with one role or both. With both, batches start eagerly: API and Workers share a connection.
 * @throws HeadgateError `PORT_IN_USE`, `DATA_DIR_IN_USE`, `NAMESPACE_IN_USE`, `CLOCK_WRONG`, `BATCH_STORE_REFUSED`, `BATCH_KEY_MISSING`, `BATCH_KEY_WRONG`,
 * `STATE_REFUSED`, `STATE_IN_USE`,
 * `TEMPORAL_NOT_FOUND`, `TEMPORAL_START_FAILED`, `ENGINE_UNAVAILABLE`
 */
export async function startNode(options: NodeOptions): Promise<HeadgateNode> {
  const { config, roles, log, onProgress } = options;
  if (config.fault !== undefined) armFaultPoint(config.fault.point, config.fault.passes);
  const metrics = config.metrics === 'on' ? createMetrics({ maxTenants: config.metricsTenants }) : undefined;
  const closers: (() => Promise<void> | void)[] = [installRuntime(log, metrics)];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const tracing = await openTracing(config.tracing, log);
    closers.push(() => tracing?.close());
    if (!(await closeToOthers(config.dataDir))) log.warn('DATA_DIRECTORY_OPEN', { dataDir: config.dataDir });
    const { store, identity, keys, masters } = await openCheckedBatchStore(config, log);
    // Before Temporal, so that one too many says so at once, and neither shares nor waits for the other's server.
    if (roles.api) closers.push(await lockSpool(dataPaths(config.dataDir).spool));
    const temporal = await openTemporal({ ...config, onProgress, log });
    closers.push(() => temporal.close());
    if (!temporal.ownServer) await checkClock(temporal, options);
    const hold = await holdNamespace({ ...options, temporal, identity });
    closers.push(() => hold.stop());
    const stores = openSharedStores(
      config.dataDir,
      identified(store, identity, hold.boundStore),
      createSeal(keys),
    );
    const { tenants: dir, tenantVersions: versions } = stores.paths;
    const turns = new Turns({ onUsed: metrics && ((tenant, ms) => metrics.worked(tenant, ms)) });
    const reading = new ReadingApart({ turns });
    closers.push(() => reading.close());
    const registry = await openTenantRegistry({ dir, versions, logger: log, reading });
    closers.push(() => registry.close());
    const auditLog = roles.api ? openNodeAuditLog(config, log) : undefined;
    closers.push(async () => auditLog?.close());
    await auditLog?.open();
    const storedSecrets = new StoredSecrets(stores.paths.secrets, masters);
    const secretOf = readerOf(registry, storedSecrets);
    const { control, close } = openSubscriptionControl({ ...options, temporal, registry, stores, secretOf });
    closers.push(close);
    const holdings = await openNodeHoldings(temporal, stores, log);
    closers.push(() => holdings.close());
    const usage = createUsageRecorder({ directory: stores.paths.usage.journals, log });
    closers.push(() => usage.close());
    const grace = shareGrace(config.shutdownGraceSeconds, roles);
    const shared = {
      ...options,
      secretOf,
      storedSecrets,
      masters,
      temporal,
      registry,
      stores,
      control,
      holdings,
      usage,
      grace,
      metrics,
      tracing,
      turns,
      reading,
      replayMemory: replayMemory(),
    };
    let workers: WorkerHost | undefined;
    if (roles.worker) {
      workers = await startWorkerRole(shared);
      closers.push(() => workers?.stop());
    }
    let api: ApiRole | undefined;
    if (roles.api) {
      api = await startApiRole({ ...shared, workers, auditLog });
      closers.push(() => api?.stop());
    }
    const listener = api === undefined && (await listenForMetrics(shared, workers));
    if (listener) closers.push(() => listener.close());
    const scrapeUrl = listener ? listener.url : metrics && api?.url;
    const metricsUrl = scrapeUrl && `${scrapeUrl}/metrics`;
    return { url: api?.url, metricsUrl, temporal, registry, stores, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads what tenants' files refer to: variables of this process, and secrets that were made. */
function readerOf(registry: TenantRegistry, storedSecrets: StoredSecrets): SecretReader {
  const owners = new SecretOwners(registry);
  return secretReader({
    sharing: (tenant) => owners.sharing(tenant),
    stored: (...asked) => storedSecrets.valuesOf(...asked),
  });
}

/** Where a process without an API shows its metrics, if it is told to. */
async function listenForMetrics(
  { config, metrics, temporal: { connection, namespace } }: RoleOptions,
  workers?: WorkerHost,
): Promise<ListeningApi | undefined> {
  const { host, metricsPort: port } = config;
  if (metrics === undefined || port === undefined) return undefined;
  const client = ownClient({ connection, namespace });
  const readiness = [
    { name: 'workers', check: () => workers?.checkRunning() },
    { name: 'temporal', check: () => temporalAnswers(client), degrades: true },
  ];
  const readinessNow = createReadiness(readiness);
  metrics.watch({ checks: async () => (await readinessNow()).checks });
  return listenForScrapes({ metrics, readiness, host, port });
}

function openNodeAuditLog({ dataDir, auditLogDays }: Config, log: Logger): AuditLog {
  return new AuditLog({ places: auditLogPlaces(dataDir), keepMs: auditLogDays * DAY_MS, log });
}

/** A server of our own runs on this machine, and has its clock. */
function checkClock(
  { connection, namespace }: Temporal,
  { config, log }: Pick<NodeOptions, 'config' | 'log'>,
): Promise<void> {
  const client = ownClient({ connection, namespace });
  return assertClock(client, { mostSeconds: config.maxClockDifferenceSeconds, log });
}

function openNodeHoldings(
  { connection, namespace }: Temporal,
  { paths }: SharedStores,
  log: Logger,
): Promise<Holdings> {
  return openHoldings({ root: paths.holdings, client: ownClient({ connection, namespace }), log });
}
