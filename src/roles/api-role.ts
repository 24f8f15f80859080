import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { createAuthenticator } from '../api/authenticate.js';
import { createReceipts } from '../api/receipts.js';
import { createApi, listen } from '../api/server.js';
import type { Config } from '../config.js';
import type { Temporal } from '../engine/temporal.js';
import { messageOf } from '../errors.js';
import type { Admission } from '../ingest/admission/admission.js';
import { Batcher } from '../ingest/batcher.js';
import { Dedupe } from '../ingest/dedupe.js';
import { createFingerprint } from '../ingest/fingerprint.js';
import { Ingest } from '../ingest/ingest.js';
import { rebuildDedupe } from '../ingest/rebuild-dedupe.js';
import type { Chunk, Plan } from '../ingest/lane.js';
import { lockSpool } from '../ingest/spool-lock.js';
import { Spool } from '../ingest/spool.js';
import { createStarter } from '../ingest/starter.js';
import { openKeySet } from '../keys/key-set.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import type { TenantConfig } from '../tenant-config/tenant-config.js';
import type { TenantRegistry } from '../tenant-config/registry.js';
import type { IngestBatchResult } from '../workflows/messages.js';
import type { WorkerHost } from '../workers/worker-host.js';
import { openAdmission, temporalAnswers } from './open-admission.js';
import type { SharedStores } from './stores.js';

/** What {@link startApiRole} needs. */
export interface ApiRoleOptions {
  readonly config: Config;
  readonly temporal: Temporal;
  readonly registry: TenantRegistry;
  readonly stores: SharedStores;
  /** The Workers of this process, if it has any: starts are then eager. */
  readonly workers?: WorkerHost;
  /** Told once a batch has been decided on. */
  readonly onDecided?: (plan: Plan, result: IngestBatchResult | undefined) => void;
  /** Told when the process can no longer do its work. */
  readonly onFatal: (reason: string) => void;
  readonly metrics?: Metrics;
  readonly log: Logger;
}

/** The API role, listening. */
export interface ApiRole {
  readonly url: string;
  /** Stops taking requests, hands over what can be within the grace time, and leaves the rest planned in the spool. */
  stop(): Promise<void>;
}

/** The API role: takes events in and hands them to Temporal. Owns the spool of its data directory. */
export async function startApiRole(options: ApiRoleOptions): Promise<ApiRole> {
  const { config, temporal, registry, stores, log } = options;
  const unlock = lockSpool(stores.paths.spool);
  const spool = new Spool(stores.paths.spool);
  const client = new Client({ connection: temporal.connection, namespace: temporal.namespace });
  const stopping = new AbortController();
  const ingestParts = await buildIngest(options, spool, client, stopping.signal);
  const { ingest, batcher } = ingestParts;
  const configOf = (tenant: string): TenantConfig | undefined => registry.get(tenant)?.config;
  const app = createApi({
    authenticate: createAuthenticator({
      keys: await openKeySet(config),
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      standingOf: (tenant) => standing(configOf(tenant)),
    }),
    admission: ingestParts.admission,
    ingest,
    state: stores.state,
    receipts: createReceipts({ client, namespace: temporal.namespace, uiUrl: temporal.uiUrl }),
    readiness: [
      { name: 'temporal', check: () => temporalAnswers(client) },
      { name: 'spool', check: () => spool.checkWritable() },
      ...(options.workers === undefined
        ? []
        : [{ name: 'workers', check: () => options.workers?.checkRunning() }]),
    ],
    metrics: options.metrics,
    log,
  });
  options.metrics?.watch({
    spoolBytes: () => spool.bytes,
    spoolOldestSeconds: () => oldestSeconds(spool),
    inFlightBytes: () => ingestParts.admission.inFlightBytes,
  });
  const api = await listen(app, config.host, config.port);
  batcher.recover(spool.planned(), spool.waiting());
  return {
    url: api.url,
    stop: async () => {
      await api.close();
      await ingest.close();
      await Promise.race([
        batcher.stop(),
        delay(config.shutdownGraceSeconds * 1000, undefined, { ref: false }),
      ]);
      stopping.abort();
      await batcher.stop();
      ingestParts.stop();
      await spool.close();
      unlock();
    },
  };
}

interface IngestParts {
  readonly admission: Admission;
  readonly ingest: Ingest;
  readonly batcher: Batcher;
  stop(): void;
}

/** Prints older than the dedupe window are forgotten this often. */
const FORGET_EVERY_MS = 10 * 60 * 1000;

async function buildIngest(
  options: ApiRoleOptions,
  spool: Spool,
  client: Client,
  signal: AbortSignal,
): Promise<IngestParts> {
  const { config, registry, stores, workers, log } = options;
  const configOf = (tenant: string): TenantConfig | undefined => registry.get(tenant)?.config;
  const started = (chunks: readonly Chunk[]): void => {
    for (const { tenant, bytes } of chunks) admission.drained(tenant, bytes);
    ingest.started(chunks);
  };
  const run = createStarter({
    client,
    spool,
    batchStore: stores.batchStore,
    isolationOf: (tenant) => configOf(tenant)?.isolation ?? 'pooled',
    eager: (tenant) => workers?.runsWorkflowsOf(tenant) ?? false,
    onStarted: started,
    onDecided: (plan, result) => options.onDecided?.(plan, result),
    log,
    signal,
  });
  const onFault = (error: unknown): void =>
    options.onFatal(`a batch cannot be carried on: ${messageOf(error)}`);
  const batcher = new Batcher({
    node: spool.node,
    limitsOf: (tenant) => configOf(tenant)?.batch,
    run,
    onFault,
  });
  const dedupe = new Dedupe();
  await rebuildDedupe(dedupe, spool);
  const { paths } = stores;
  const { admission, close } = openAdmission({ config, paths, registry, client, spool, batcher });
  const ingest = new Ingest({
    dedupe,
    fingerprint: await createFingerprint(spool.seeds),
    spool,
    batcher,
    ack: config.ack,
  });
  registry.onChange(({ tenant }) => {
    batcher.reconsider(tenant);
  });
  const forgetting = setInterval(
    () => void spool.forgetPrints(Date.now() - dedupe.windowMs),
    FORGET_EVERY_MS,
  ).unref();
  const stop = (): void => {
    clearInterval(forgetting);
    close();
  };
  return { admission, ingest, batcher, stop };
}

function standing(config: TenantConfig | undefined): 'active' | 'suspended' | 'unknown' {
  if (config === undefined) return 'unknown';
  return config.suspended ? 'suspended' : 'active';
}

function oldestSeconds(spool: Spool): number {
  for (const { receivedAt } of spool.waiting()) return (Date.now() - receivedAt) / 1000;
  return 0;
}
