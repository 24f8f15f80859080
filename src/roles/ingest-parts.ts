import type { Client } from '@temporalio/client';
import { Checkpoints } from '../eligibility/checkpoints.js';
import { Decider } from '../eligibility/decider.js';
import { messageOf } from '../errors.js';
import type { EventRow } from '../event.js';
import { Admission } from '../ingest/admission.js';
import { Batcher } from '../ingest/batcher.js';
import { Dedupe } from '../ingest/dedupe.js';
import { createDiskWatch } from '../ingest/disk-watch.js';
import { createFingerprint } from '../ingest/fingerprint.js';
import { Ingest } from '../ingest/ingest.js';
import type { Chunk } from '../ingest/lane.js';
import { rebuildDedupe } from '../ingest/rebuild-dedupe.js';
import { Release } from '../ingest/release.js';
import type { Spool } from '../ingest/spool.js';
import { createStarter } from '../ingest/starter.js';
import type { StateStore } from '../stores/state/state-store.js';
import type { TenantConfig } from '../tenant-config/tenant-config.js';
import type { ApiRoleOptions } from './api-role.js';

/** What ingest is built over. */
export interface IngestStores {
  readonly spool: Spool;
  readonly state: StateStore;
  readonly client: Client;
  /** Ends all retries. */
  readonly signal: AbortSignal;
}

/** Ingest, from admission to the hand-over to Temporal. */
export interface IngestParts {
  readonly ingest: Ingest;
  readonly decider: Decider;
  readonly batcher: Batcher;
  /** Goes on where the last process stopped; resolves once the state is what it was. */
  recover(): Promise<void>;
  /** Writes the state for the last time; to be called when nothing comes in or goes out any more. */
  stop(): Promise<void>;
}

/** Prints older than the dedupe window are forgotten this often. */
const FORGET_EVERY_MS = 10 * 60 * 1000;

/** Builds ingest and connects its parts: admission → dedupe → decider → spool → batcher → starter → release. */
export async function buildIngest(options: ApiRoleOptions, stores: IngestStores): Promise<IngestParts> {
  const { registry, log } = options;
  const { spool, state } = stores;
  const configOf = (tenant: string): TenantConfig | undefined => registry.get(tenant)?.config;
  const release = new Release({
    remove: (chunks) => spool.delete(chunks),
    watermarkOf: (tenant) => state.watermark(tenant),
    onError: (error) => log.error({ reason: messageOf(error) }, 'spool could not let go of events'),
  });
  const { decider, checkpoints } = decidingOf(options, stores, release);
  const handedOver = (chunks: readonly Chunk[]): void => {
    release.handedOver(chunks);
    ingest.started(chunks);
  };
  const run = starterOf(options, stores, handedOver);
  const batcher = new Batcher({
    node: spool.node,
    limitsOf: (tenant) => configOf(tenant)?.batch,
    run,
    onFault: (error) => options.onFatal(`a batch cannot be carried on: ${messageOf(error)}`),
  });
  const dedupe = await rebuiltDedupe(spool);
  const admission = admissionOf(options, spool, batcher);
  const fingerprint = await createFingerprint(spool.seeds);
  const ingest = new Ingest({
    admission,
    dedupe,
    fingerprint,
    spool,
    decider,
    ack: options.config.ack,
    onSpooled: (chunk) => batcher.add(chunk),
    onFailed: () => void checkpoints.rewind().catch(options.onFatal),
  });
  registry.onChange(({ tenant, kind }) => {
    if (kind === 'removed') admission.forget(tenant);
    void decider.catchUp();
    batcher.reconsider(tenant);
  });
  const forgetting = forgetPrintsNowAndThen(spool, dedupe);
  return {
    ingest,
    decider,
    batcher,
    recover: () => recover(stores, batcher, decider, release),
    stop: async () => {
      clearInterval(forgetting);
      await checkpoints.stop();
    },
  };
}

function decidingOf(
  { registry, log }: ApiRoleOptions,
  { spool, state }: IngestStores,
  release: Release,
): { decider: Decider; checkpoints: Checkpoints } {
  const decider: Decider = new Decider({
    store: state,
    rulesOf: (tenant) => registry.get(tenant)?.rules,
    chunks: () => spool.held(),
    eventsOf: (chunk) => eventsOf(spool, chunk),
    onChange: () => checkpoints.changed(),
    onFault: (event, error) =>
      log.error({ err: error, event: event.id }, 'an event could not be decided on; it goes on without'),
  });
  const checkpoints = new Checkpoints({
    decider,
    store: state,
    spooled: () => spool.settled(),
    onDurable: (watermarks) => release.durable(watermarks),
    log,
  });
  return { decider, checkpoints };
}

async function rebuiltDedupe(spool: Spool): Promise<Dedupe> {
  const dedupe = new Dedupe();
  await rebuildDedupe(dedupe, spool);
  return dedupe;
}

function forgetPrintsNowAndThen(spool: Spool, { windowMs }: Dedupe): NodeJS.Timeout {
  return setInterval(() => void spool.forgetPrints(Date.now() - windowMs), FORGET_EVERY_MS).unref();
}

/** First the batches that were on their way, then the chunks, in order of receipt, then the state. */
async function recover(
  { spool, state }: IngestStores,
  batcher: Batcher,
  decider: Decider,
  release: Release,
): Promise<void> {
  spool.skipTo(state.highestWatermark());
  batcher.recover(spool.planned());
  for (const chunk of spool.held()) {
    if (chunk.handedOver) release.handedOver([chunk]);
    else batcher.add(chunk);
  }
  await decider.restore();
}

function starterOf(
  options: ApiRoleOptions,
  { spool, client, signal }: IngestStores,
  onHandedOver: (chunks: readonly Chunk[]) => void,
): ReturnType<typeof createStarter> {
  const { registry, stores, workers, log } = options;
  return createStarter({
    client,
    spool,
    batchStore: stores.batchStore,
    isolationOf: (tenant) => registry.get(tenant)?.config.isolation ?? 'pooled',
    eager: (tenant) => workers?.runsWorkflowsOf(tenant) ?? false,
    onHandedOver,
    onEnded: (plan, result) => options.onBatchEnded?.(plan, result),
    log,
    signal,
  });
}

function admissionOf(
  { config, registry, stores }: ApiRoleOptions,
  spool: Spool,
  batcher: Batcher,
): Admission {
  return new Admission({
    limitsOf: (tenant) => registry.get(tenant)?.config.limits ?? { eventsPerSecond: 0, bytesPerSecond: 0 },
    backlogOf: (tenant) => batcher.backlog(tenant),
    spoolBytes: () => spool.bytes,
    maxSpoolBytes: config.maxSpoolBytes,
    freeDiskBytes: createDiskWatch(stores.paths.spool),
    minFreeDiskBytes: config.minFreeDiskBytes,
  });
}

function eventsOf(spool: Spool, chunk: Chunk): EventRow[] {
  const lines = spool.read(chunk).events.toString('utf8').split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as EventRow);
}
