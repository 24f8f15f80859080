import type { Client } from '@temporalio/client';
import { createDeadLetterEvents } from '../dead-letters/dead-letter-events.js';
import { createDeadLetterIngest } from '../dead-letters/dead-letter-ingest.js';
import { Checkpoints } from '../eligibility/checkpoints.js';
import { Decider } from '../eligibility/decider.js';
import { messageOf } from '../errors.js';
import type { BatchName, EventRow, InputStream } from '../events/event.js';
import { textLines } from '../events/ndjson.js';
import type { Admission } from '../ingest/admission/admission.js';
import { Batched } from '../ingest/batched.js';
import { Batcher } from '../ingest/batcher.js';
import { createBusyness } from '../ingest/busyness.js';
import { Dedupe } from '../ingest/dedupe.js';
import { createFingerprint } from '../ingest/fingerprint.js';
import { Ingest } from '../ingest/ingest.js';
import type { Chunk } from '../events/chunk.js';
import { unpack } from '../ingest/pack.js';
import { createReceiptClock } from '../ingest/receipt-clock.js';
import { rebuildDedupe } from '../ingest/rebuild-dedupe.js';
import { Release } from '../ingest/release.js';
import type { Spool } from '../ingest/spool.js';
import { isDamaged } from '../ingest/spool-record.js';
import { createStarter } from '../ingest/starter.js';
import type { Metrics } from '../observability/metrics.js';
import { ChunkRouting } from '../routing/chunk-routing.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { StateStore } from '../stores/state/state-store.js';
import type { SubscriptionControl } from '../subscriptions/control.js';
import type { Isolation } from '../tenants/queues.js';
import type { Usage } from '../usage/usage.js';
import type { ApiRoleOptions } from './api-role-options.js';
import { countDeadLettered } from './count-dead-lettered.js';
import { openAdmission, type OpenAdmission } from './open-admission.js';

/** What ingest is built over. */
export interface IngestStores {
  readonly spool: Spool;
  readonly state: StateStore;
  readonly client: Client;
  /** Knows which subscriptions take nothing new. */
  readonly control: Pick<SubscriptionControl, 'isDraining'>;
  /** Called with a batch that Temporal no longer knows. */
  readonly onForgotten: (batch: BatchName) => void;
  /** Knows which tenants have used up a budget. */
  readonly usage: Pick<Usage, 'reachedBudgetOf'>;
  /** Called with a batch that is written, and its gzipped file. */
  readonly onWritten: (batch: BatchName, gzipped: Buffer) => void;
  /** Ends all retries. */
  readonly signal: AbortSignal;
}

/** Ingest, from admission to the hand-over to Temporal. */
export interface IngestParts {
  readonly admission: Admission;
  readonly disks: OpenAdmission['disks'];
  readonly engine: OpenAdmission['engine'];
  readonly ingest: Ingest;
  readonly decider: Decider;
  readonly checkpoints: Checkpoints;
  readonly batcher: Batcher;
  /** Tells when what has come is in batches. */
  readonly batched: Batched;
  /** Goes on where the last process stopped; resolves once the state is what it was. */
  recover(): Promise<void>;
  /** Writes the state for the last time; to be called when nothing comes in or goes out any more. */
  stop(): Promise<void>;
}

/** Of a tenant that is not configured any more: as long as a tenant keeps batches by default. */
const RETENTION_MS = 7 * 24 * 60 * 60 * 1000;
/** Prints older than the dedupe window are forgotten this often. */
const FORGET_EVERY_MS = 10 * 60 * 1000;

/** Builds ingest and connects its parts: admission → dedupe → decider → spool → batcher → starter → release. */
export async function buildIngest(options: ApiRoleOptions, stores: IngestStores): Promise<IngestParts> {
  const { config, registry } = options;
  const { client, spool } = stores;
  const release = releaseOf(options, stores);
  const { decider, checkpoints } = decidingOf(options, stores, release);
  const handedOver = (chunks: readonly Chunk[]): void => {
    release.handedOver(chunks);
    batcher.handedOver(chunks);
    batched.handedOver(chunks);
    for (const { tenant, bytes } of chunks) admission.drained(tenant, bytes);
    ingest.started(chunks);
  };
  const unreadable = (error: unknown): void =>
    options.onFatal(`events cannot be read back: ${messageOf(error)}`);
  const batcher = batcherOf(options, spool, starterOf(options, stores, handedOver));
  const dedupe = await rebuiltDedupe(spool, options.log);
  const { paths } = options.stores;
  const { admission, disks, engine, close } = openAdmission({
    config,
    paths,
    registry,
    client,
    spool,
    batcher,
    budgetOf: (tenant) => stores.usage.reachedBudgetOf(tenant),
    log: options.log,
  });
  const fingerprint = await createFingerprint(spool.seeds);
  const ingest = new Ingest({
    dedupe,
    fingerprint,
    spool,
    decider,
    routingOf: (tenant, stream) => routingOf(options, stores, tenant, stream),
    ack: config.ack,
    turns: options.turns,
    onSpooled: (chunk) => spooled(chunk, batcher, options.metrics),
    onFailed: () => void checkpoints.rewind().catch(unreadable),
  });
  const batched = new Batched({
    unsent: (...partition) => batcher.unsent(...partition),
    settledOf: (tenant) => ingest.settledOf(tenant),
  });
  registry.onChange(({ tenant }) => {
    decider.catchUp().catch(unreadable);
    batcher.reconsider(tenant);
  });
  const forgetting = forgetPrintsNowAndThen(spool, dedupe);
  return {
    admission,
    disks,
    engine,
    ingest,
    decider,
    checkpoints,
    batcher,
    batched,
    recover: () => recover(options, stores, { batcher, decider, release }),
    stop: async () => {
      clearInterval(forgetting);
      close();
      await checkpoints.stop();
    },
  };
}

function routingOf(
  { registry, metrics }: ApiRoleOptions,
  { control }: IngestStores,
  tenant: string,
  stream: InputStream,
): ChunkRouting | undefined {
  const router = registry.get(tenant)?.router;
  if (router === undefined) return undefined;
  const isDraining = (subscription: string): boolean => control.isDraining(tenant, subscription);
  return new ChunkRouting(router, stream, isDraining, (failed) => metrics?.expressionsFailed(tenant, failed));
}

function spooled(chunk: Chunk, batcher: Batcher, metrics: Metrics | undefined): void {
  metrics?.spooled(chunk);
  batcher.add(chunk);
}

function releaseOf({ log }: ApiRoleOptions, { spool, state }: IngestStores): Release {
  return new Release({
    remove: (chunks) => spool.delete(chunks),
    watermarkOf: (tenant) => state.watermark(tenant),
    onError: (error) => log.error('SPOOL_RELEASE_FAILED', { reason: messageOf(error) }),
  });
}

function decidingOf(
  { registry, metrics, log }: ApiRoleOptions,
  { spool, state }: IngestStores,
  release: Release,
): { decider: Decider; checkpoints: Checkpoints } {
  const decider: Decider = new Decider({
    store: state,
    rulesOf: (tenant) => registry.get(tenant)?.rules,
    chunks: () => spool.held(),
    eventsOf: (chunk) => eventsOf(spool, chunk, log),
    onChange: () => checkpoints.changed(),
    onFailures: (tenant, failures) => metrics?.expressionsFailed(tenant, failures),
    onDecided: (...decided) => metrics?.decided(...decided),
    onFault: (event, error) => log.error('DECISION_FAILED', { err: error, event: event.id }),
  });
  const checkpoints = new Checkpoints({
    decider,
    store: state,
    spooled: () => spool.settled(),
    onDurable: (watermarks) => release.durable(watermarks),
    metrics,
    log,
  });
  return { decider, checkpoints };
}

async function rebuiltDedupe(spool: Spool, log: ApiRoleOptions['log']): Promise<Dedupe> {
  const dedupe = new Dedupe({ now: createReceiptClock({ newest: spool.newestReceipt(Date.now()) }) });
  await rebuildDedupe(dedupe, spool, log);
  return dedupe;
}

function forgetPrintsNowAndThen(spool: Spool, dedupe: Dedupe): NodeJS.Timeout {
  const forget = (): void => {
    const now = dedupe.now();
    dedupe.expire(now);
    // What a full disk keeps it from forgetting, it forgets the next time.
    void spool.forgetPrints(now - dedupe.windowMs, now).catch(() => undefined);
  };
  return setInterval(forget, FORGET_EVERY_MS).unref();
}

/** First the batches that were on their way, then the chunks, in order of receipt, then the state. */
async function recover(
  options: ApiRoleOptions,
  { spool, state }: IngestStores,
  { batcher, decider, release }: { batcher: Batcher; decider: Decider; release: Release },
): Promise<void> {
  spool.skipTo(state.highestWatermark());
  await setHeadlessAside(options, spool);
  batcher.recover(spool.planned());
  const handedOver: Chunk[] = [];
  for (const chunk of spool.held()) {
    if (chunk.handedOver) handedOver.push(chunk);
    else batcher.add(chunk);
  }
  batcher.recovered();
  release.handedOver(handedOver);
  await decider.restore();
}

/** It cannot be told whose they are: no tenant gets a dead letter of them, but for those that a batch was planned with. */
async function setHeadlessAside({ stores, log }: ApiRoleOptions, spool: Spool): Promise<void> {
  for (const { seq, record } of [...spool.headless()]) {
    const file = await stores.quarantine.keepUnattributed(spool.node, seq, record);
    await spool.removeHeadless(seq, record);
    log.error('RECORD_UNREADABLE', { record: seq, bytes: record.length, file });
  }
}

function starterOf(
  options: ApiRoleOptions,
  { spool, client, signal, onForgotten, onWritten }: IngestStores,
  onHandedOver: (chunks: readonly Chunk[]) => void,
): ReturnType<typeof createStarter> {
  const { registry, stores, workers, metrics, tracing, log } = options;
  const { batchStore, quarantine } = stores;
  const isolationOf = (tenant: string): Isolation => registry.get(tenant)?.config.isolation ?? 'pooled';
  const deadLetterEvents = createDeadLetterEvents({
    client,
    batchStore,
    isolationOf,
    onDeadLettered: countDeadLettered(metrics),
  });
  return createStarter({
    client,
    spool,
    batchStore: telling(batchStore, onWritten),
    quarantine,
    isolationOf,
    nextBatchId: () => spool.batchIds.next(),
    deadLetterIngest: createDeadLetterIngest(
      deadLetterEvents,
      (tenant) => registry.get(tenant)?.config.retentionMs ?? RETENTION_MS,
    ),
    eager: (tenant) => workers?.runsWorkflowsOf(tenant) ?? false,
    onHandedOver,
    onEnded: (plan, result) => options.onBatchEnded?.(plan, result),
    onForgotten,
    usage: options.usage,
    metrics,
    tracing,
    log,
    signal,
  });
}

/** A batch store that tells what has been written. */
function telling(store: BatchStore, onWritten: IngestStores['onWritten']): BatchStore {
  return {
    ...store,
    write: async (name, gzipped, events, options) => {
      const written = await store.write(name, gzipped, events, options);
      onWritten(name, gzipped);
      return written;
    },
  };
}

function batcherOf(
  { registry, onFatal }: ApiRoleOptions,
  { batchIds }: Spool,
  run: ReturnType<typeof createStarter>,
): Batcher {
  return new Batcher({
    nextBatchId: () => batchIds.next(),
    run,
    limitsOf: (tenant) => registry.get(tenant)?.config.batch,
    delivers: (tenant) => registry.get(tenant)?.router !== undefined,
    busyness: createBusyness(),
    onFault: (error) => onFatal(`a batch cannot be carried on: ${messageOf(error)}`),
  });
}

/** None of a chunk that is damaged: a state without its events is better than none. Its batch says that they are lost. */
async function eventsOf(spool: Spool, chunk: Chunk, log: ApiRoleOptions['log']): Promise<EventRow[]> {
  const ndjson = await unlessCorrupt(async () => unpack(spool.read(chunk).events));
  if (ndjson === undefined) {
    const { tenant, stream, seq, events } = chunk;
    log.error('DAMAGED_EVENTS_SKIPPED', { tenant, stream, record: seq, events });
    return [];
  }
  return textLines(ndjson).map((line) => JSON.parse(line) as EventRow);
}

async function unlessCorrupt(read: () => Promise<Buffer>): Promise<Buffer | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isDamaged(error)) return undefined;
    throw error;
  }
}
