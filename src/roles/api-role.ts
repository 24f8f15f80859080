import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type Koa from 'koa';
import { Acts } from '../api/acts.js';
import { createAuthenticator } from '../api/authenticate.js';
import { auditLogPlaces } from '../audit-log/files.js';
import { createAuditLogReader } from '../audit-log/reader.js';
import { createReceipts } from '../receipts/receipts.js';
import { createReplays } from '../replays/replays.js';
import { createApi, listen, type ApiDependencies, type ListeningApi } from '../api/server.js';
import type { Config } from '../config.js';
import { createDeadLetters } from '../dead-letters/dead-letters.js';
import { messageOf } from '../errors.js';
import type { BatchName } from '../events/event.js';
import { Spool } from '../ingest/spool.js';
import type { SubscriptionControl } from '../subscriptions/control.js';
import { createQueueRates } from '../temporal/queue-rates.js';
import { SubscriptionLags } from '../subscriptions/lags.js';
import { SubscriptionOverviews, type SubscriptionOverviewsOptions } from '../subscriptions/overview.js';
import { createSendTestEvent } from '../subscriptions/test-event.js';
import { openKeySet } from '../keys/key-set.js';
import { openRevocations } from '../keys/revocations.js';
import { createPull, type Pull, type PullOptions } from '../pull/pull.js';
import type { ReadinessCheck } from '../api/routes/health.js';
import { openKnownKeys, type KnownKeys } from '../sources/known-keys.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { readVersion } from '../tenants/config/versions.js';
import type { ApiRoleOptions } from './api-role-options.js';
import { buildIngest, type IngestParts } from './ingest-parts.js';
import { ReloadForgotten } from './reload-forgotten.js';
import { temporalAnswers } from './open-admission.js';
import { openStateStore } from './state.js';
import { openSpoolRegister, type SpoolRegister } from './spool-register.js';
import { openTenantChanges } from './tenant-changes.js';
import { Activity } from '../status/activity.js';
import type { Usage } from '../usage/usage.js';
import { openUsage } from './usage.js';
import { startStateRole } from './state-role.js';
import { eventHistoryOf, openIndexer } from './event-history.js';
import type { Indexer } from '../event-history/indexer.js';
import { RecentRefusals } from '../status/recent-refusals.js';
import { openStatus } from './open-status.js';
import { observePull, watchApi } from './api-metrics.js';
import { followAuditLog } from './follow-audit-log.js';

/** Consumers of one tenant that may wait at once, however many connections there may be. */
const MAX_LONG_POLLS = 1_000;

/** How often subscriptions are looked at while somebody asks: what is said of them is to be younger than 15 s. */
const LOOK_EVERY_MS = 10_000;

/** The API role, listening. */
export interface ApiRole {
  readonly url: string;
  /** Stops taking requests, hands over what can be within the grace time, and leaves the rest planned in the spool. */
  stop(): Promise<void>;
}

/** The API role: takes events in and hands them to Temporal. To be called with the lock of the data directory's spool. */
export async function startApiRole(options: ApiRoleOptions): Promise<ApiRole> {
  const { config, control, temporal, registry, stores, log } = options;
  const state = await openStateStore(config, options);
  const spool = new Spool(stores.paths.spool);
  const client = clientOf(options);
  const usage = await openUsage(options, client);
  const stopping = new AbortController();
  const configOf = (tenant: string): TenantConfig | undefined => registry.get(tenant)?.config;
  const queues = createQueueRates(temporal.connection, temporal.namespace);
  const pull = openPull(options, { client, configOf });
  const { signal } = stopping;
  const reloads = new ReloadForgotten({ client, spool, registry, log, signal });
  const onForgotten = (batch: BatchName): void => void reloads.found(batch);
  const indexer = await openIndexer(options, spool);
  const onWritten: Indexer['written'] = (...written) => indexer.written(...written);
  const ingestStores = { spool, state, client, control, usage, onForgotten, onWritten, signal };
  const parts = await buildIngest(options, ingestStores);
  const { ingest, decider, batcher } = parts;
  const register = await openSpoolRegister({ config, client, spool, log });
  const auditLog = auditLogOf(options);
  const readiness = readinessOf(options, { client, spool, parts });
  const refusals = new RecentRefusals();
  const { lags, status } = openLooks(options, { client, queues, spool, refusals, parts });
  const activity = openActivity(options, { usage, lags, batcher });
  const writeKeys = await openWriteKeys(options);
  const app = createApi({
    ...(await apiParts(options, configOf, client, { node: spool.node, spools: register.nodes, writeKeys })),
    eventHistory: eventHistoryOf(options, { client, indexer, spool, batcher }),
    auditLog,
    admission: parts.admission,
    ingest,
    decider,
    pull,
    webhookSources: webhookSourcesOf(options),
    subscriptions: subscriptionsOf(options, control, { client, notes: queues, configOf }),
    status,
    activity,
    onRefused: (tenant, code) => refusals.refused(tenant, code),
    usage,
    readiness,
  });
  watchApi(options, { lags, spool, parts, readiness });
  await usage.start();
  activity.start();
  await reloads.look();
  await parts.recover();
  reloads.follow();
  const stateWorker = startStateRole(options, { ...parts, client, node: spool.node });
  followDrains(options, control);
  const following = followAuditLog(options, client);
  indexer.start();
  const api = await listenAt(app, options);
  return {
    url: api.url,
    stop: async () => {
      for (const each of [activity, status]) each.close();
      // Consumers that wait would hold it up, as those would that follow the activity.
      const closed = Promise.all([api.close(), pull.close(), stateWorker.stop()]);
      await within(
        options.grace.apiSeconds,
        closed.then(() => handOver(parts)),
      );
      auditLog?.acts.close();
      stopping.abort();
      reloads.stop();
      await stateWorker.stop();
      for (const each of [batcher, indexer, parts, following]) await each.stop();
      await register.leave();
      await usage.stop();
      for (const each of [writeKeys, state, spool]) await each.close();
    },
  };
}

function clientOf({ temporal, holdings, tracing }: ApiRoleOptions): Client {
  const { connection, namespace } = temporal;
  return new Client({ connection, namespace, identity: holdings.identity, interceptors: tracing?.client });
}

function openPull(
  { config, temporal, stores, holdings, usage, metrics, turns, log }: ApiRoleOptions,
  needed: Pick<PullOptions, 'client' | 'configOf'>,
): Pull {
  return createPull({
    ...needed,
    namespace: temporal.namespace,
    holdings,
    observer: observePull(metrics),
    usage,
    log,
    batchStore: stores.batchStore,
    turns,
    maxLongPolls: longPollsOf(config),
  });
}

/** The webhook sources of tenants, as their files have them now. */
function webhookSourcesOf({ registry, secretOf }: ApiRoleOptions): ApiDependencies['webhookSources'] {
  return {
    secretOf,
    find: (tenant, name) => {
      const loaded = registry.get(tenant);
      const source = loaded?.sources?.get(name);
      return source && { source, isSuspended: loaded!.config.suspended };
    },
  };
}

/** How subscriptions are looked at, changed and tested. */
function subscriptionsOf(
  { registry, stores }: ApiRoleOptions,
  control: SubscriptionControl,
  looked: Omit<SubscriptionOverviewsOptions, 'control'>,
): ApiDependencies['subscriptions'] {
  return {
    control,
    overviews: new SubscriptionOverviews({ ...looked, control }),
    sendTestEvent: createSendTestEvent({
      client: looked.client,
      batchStore: stores.batchStore,
      tenantOf: (tenant) => registry.get(tenant),
      isDraining: (tenant, name) => control.isDraining(tenant, name),
    }),
  };
}

/** The write keys of tenants that take events. */
function openWriteKeys({ registry, stores: { paths }, log }: ApiRoleOptions): Promise<KnownKeys> {
  return openKnownKeys({
    directory: paths.sources,
    isActive: (tenant) => tenantStatus(registry.get(tenant)?.config) === 'active',
    log,
  });
}

/** How all subscriptions stand, and what that means for tenants and the node. */
function openLooks(
  { config, control, registry, log }: ApiRoleOptions,
  looked: {
    client: Client;
    queues: ReturnType<typeof createQueueRates>;
    spool: Spool;
    refusals: RecentRefusals;
    parts: IngestParts;
  },
): { lags: SubscriptionLags; status: ReturnType<typeof openStatus> } {
  const tenants = (): TenantConfig[] => registry.list().map((loaded) => loaded.config);
  const lags = new SubscriptionLags({ ...looked, tenants, log, everyMs: LOOK_EVERY_MS });
  control.onChange((tenant, name) => lags.hurry(tenant, name));
  return { lags, status: openStatus(config, { ...looked, tenants, lags }) };
}

/** What goes on, as those who look see it. */
function openActivity(
  { registry }: ApiRoleOptions,
  { usage, lags, batcher }: { usage: Usage; lags: SubscriptionLags; batcher: IngestParts['batcher'] },
): Activity {
  return new Activity({
    lags,
    tenants: () => registry.list().map(({ config }) => config.tenant),
    counted: (...of) => usage.counted(...of),
    onCounted: (listener) => usage.onCounted(listener),
    oldestOf: (tenant) => batcher.oldestOf(tenant),
  });
}

function listenAt(app: Koa, { config, turns }: ApiRoleOptions): Promise<ListeningApi> {
  const { host, port, maxConnections, listeningSocket } = config;
  return listen(app, host, port, {
    maxConnections,
    socket: listeningSocket,
    onConnection: () => turns.hurry(),
  });
}

/** The log itself is the process's, and closed after everything that may write to it. */
function auditLogOf({ auditLog, config }: ApiRoleOptions): ApiDependencies['auditLog'] {
  if (auditLog === undefined) return undefined;
  return { acts: new Acts(auditLog), reader: createAuditLogReader(auditLogPlaces(config.dataDir)) };
}

function readinessOf(
  { workers }: ApiRoleOptions,
  { client, spool, parts }: { client: Client; spool: Spool; parts: IngestParts },
): ReadinessCheck[] {
  const checks: ReadinessCheck[] = [
    // Admission; monitors read it by this name.
    { name: 'door', check: () => parts.admission.assertOpen() },
    { name: 'temporal', check: () => temporalAnswers(client), degrades: true },
    { name: 'spool', check: () => spool.checkWritable() },
  ];
  if (workers === undefined) return checks;
  return [...checks, { name: 'workers', check: () => workers.checkRunning(), degrades: true }];
}

/** A tenth of the connections, so that one tenant's consumers leave the others theirs. */
function longPollsOf({ maxConnections }: Config): number {
  return Math.min(MAX_LONG_POLLS, Math.floor(maxConnections / 10));
}

/** Sees through what has been taken in, as long as that takes: Temporal may be away, or a batch's workflow never end. */
async function handOver({ ingest, batcher }: IngestParts): Promise<void> {
  await ingest.close();
  await batcher.stop();
}

async function within(seconds: number, work: Promise<void>): Promise<void> {
  await Promise.race([work, delay(seconds * 1000, undefined, { ref: false })]);
}

/** What the API has that ingest knows nothing of. */
async function apiParts(
  options: ApiRoleOptions,
  configOf: (tenant: string) => TenantConfig | undefined,
  client: Client,
  {
    node,
    spools,
    writeKeys,
  }: { readonly node: string; readonly spools: SpoolRegister['nodes']; readonly writeKeys: KnownKeys },
): Promise<
  Pick<
    ApiDependencies,
    | 'authenticate'
    | 'schemasOf'
    | 'receipts'
    | 'replays'
    | 'deadLetters'
    | 'tenants'
    | 'writeKeys'
    | 'metrics'
    | 'tracing'
    | 'log'
  >
> {
  const { config, temporal, registry, reading, stores, metrics, tracing, log } = options;
  const { namespace, uiUrl } = temporal;
  return {
    tenants: openTenantChanges(options, writeKeys),
    writeKeys,
    authenticate: createAuthenticator({
      keys: await openKeySet({ ...config, log }),
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      tokenType: config.tokenType,
      maxLifetimeMs: config.tokenMaxLifetimeMs,
      revocations:
        config.revocations === undefined ? undefined : await openRevocations(config.revocations, { log }),
      tenantStatusOf: (tenant) => tenantStatus(configOf(tenant)),
      onTenantStatusChange: (listener) => registry.onChange(({ tenant }) => listener(tenant)),
    }),
    schemasOf: (tenant) => registry.get(tenant)?.schemas,
    receipts: createReceipts({ client, namespace, uiUrl }),
    replays: createReplays({
      client,
      namespace,
      uiUrl,
      batchStore: stores.batchStore,
      node,
      spools,
      tenantOf: (tenant) => registry.get(tenant),
      versionOf: (tenant, version) => readVersion(stores.paths.tenantVersions, tenant, version, reading),
    }),
    deadLetters: createDeadLetters({
      client,
      namespace,
      uiUrl,
      batchStore: stores.batchStore,
      deliveryLog: stores.deliveryLog,
      isolationOf: (tenant) => configOf(tenant)?.isolation ?? 'pooled',
    }),
    metrics,
    tracing,
    log,
  };
}

/** Learns which subscriptions another process, or this one before it was started again, has set to drain. */
function followDrains({ registry, log }: ApiRoleOptions, control: SubscriptionControl): void {
  const look = (tenant: string): void => {
    control
      .look(tenant)
      .catch((error: unknown) => log.warn('SUBSCRIPTIONS_UNKNOWN', { tenant, reason: messageOf(error) }));
  };
  for (const { config } of registry.list()) look(config.tenant);
  registry.onChange(({ tenant }) => look(tenant));
}

function tenantStatus(config: TenantConfig | undefined): 'active' | 'suspended' | 'unknown' {
  if (config === undefined) return 'unknown';
  return config.suspended ? 'suspended' : 'active';
}
