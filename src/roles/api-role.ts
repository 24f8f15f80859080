import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { createAuthenticator } from '../api/authenticate.js';
import { createReceipts } from '../api/receipts.js';
import { createApi, listen } from '../api/server.js';
import type { Config } from '../config.js';
import type { Temporal } from '../engine/temporal.js';
import { HeadgateError, messageOf } from '../errors.js';
import { Admission } from '../ingest/admission.js';
import { Batcher } from '../ingest/batcher.js';
import { Dedupe } from '../ingest/dedupe.js';
import { createFingerprint } from '../ingest/fingerprint.js';
import { DiskWatch } from '../ingest/disk-watch.js';
import { Ingest } from '../ingest/ingest.js';
import { rebuildDedupe } from '../ingest/rebuild-dedupe.js';
import type { Chunk, Plan } from '../ingest/lane.js';
import { lockSpool } from '../ingest/spool-lock.js';
import { Spool } from '../ingest/spool.js';
import { createStarter } from '../ingest/starter.js';
import { openKeySet } from '../keys/key-set.js';
import type { Logger } from '../observability/logger.js';
import type { TenantConfig } from '../tenant-config/tenant-config.js';
import type { TenantRegistry } from '../tenant-config/registry.js';
import type { IngestBatchResult } from '../workflows/messages.js';
import type { WorkerHost } from '../workers/worker-host.js';
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
    ingest,
    state: stores.state,
    receipts: createReceipts({ client, namespace: temporal.namespace, uiUrl: temporal.uiUrl }),
    readiness: [
      { name: 'temporal', check: () => reachable(client) },
      { name: 'spool', check: () => spool.checkWritable() },
      ...(options.workers === undefined
        ? []
        : [{ name: 'workers', check: () => options.workers?.checkRunning() }]),
    ],
    log,
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
  const started = (chunks: readonly Chunk[]): void => ingest.started(chunks);
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
  const disks = watchDisks(options);
  const admission = new Admission({
    limitsOf: (tenant) => configOf(tenant)?.limits ?? { eventsPerSecond: 0, bytesPerSecond: 0 },
    backlogOf: (tenant) => batcher.backlog(tenant),
    spoolBytes: () => spool.bytes,
    maxSpoolBytes: config.maxSpoolBytes,
    freeDiskBytes: () => disks.freeBytes('spool'),
    minFreeDiskBytes: config.minFreeDiskBytes,
    onAdmitted: (bytes) => disks.admitted(bytes),
  });
  const ingest = new Ingest({
    admission,
    dedupe,
    fingerprint: await createFingerprint(spool.seeds),
    spool,
    batcher,
    ack: config.ack,
  });
  registry.onChange(({ tenant, kind }) => {
    if (kind === 'removed') admission.forget(tenant);
    batcher.reconsider(tenant);
  });
  const forgetting = setInterval(
    // What a full disk keeps it from forgetting, it forgets the next time.
    () => void spool.forgetPrints(Date.now() - dedupe.windowMs).catch(() => undefined),
    FORGET_EVERY_MS,
  ).unref();
  return { ingest, batcher, stop: () => clearInterval(forgetting) };
}

/** The spool's disk decides what is let in; while another is full, events wait in the spool. */
function watchDisks({
  config,
  stores,
  log,
}: ApiRoleOptions): DiskWatch<'spool' | 'batches' | 'state' | 'warehouse'> {
  const { spool, batches, state, warehouse } = stores.paths;
  return new DiskWatch({
    directories: { spool, batches, state, warehouse },
    minFreeBytes: config.minFreeDiskBytes,
    onChange: ({ name, freeBytes, short }) =>
      short
        ? log.warn({ directory: name, freeBytes }, 'a disk is nearly full')
        : log.info({ directory: name, freeBytes }, 'a disk has room again'),
  });
}

function standing(config: TenantConfig | undefined): 'active' | 'suspended' | 'unknown' {
  if (config === undefined) return 'unknown';
  return config.suspended ? 'suspended' : 'active';
}

async function reachable(client: Client): Promise<void> {
  try {
    await client.withDeadline(Date.now() + 2_000, () => client.workflowService.getSystemInfo({}));
  } catch (error) {
    throw new HeadgateError('ENGINE_UNAVAILABLE', 'Temporal does not answer.', {
      retryable: true,
      cause: error,
    });
  }
}
