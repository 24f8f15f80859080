import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { AckMode } from '../../src/config.js';
import { Checkpoints } from '../../src/eligibility/checkpoints.js';
import { Decider } from '../../src/eligibility/decider.js';
import type { EventRow, InputStream } from '../../src/events/event.js';
import {
  Admission,
  type AdmissionLimits,
  type AdmissionOptions,
} from '../../src/ingest/admission/admission.js';
import { Batcher } from '../../src/ingest/batcher.js';
import { Dedupe, type DedupeOptions } from '../../src/ingest/dedupe.js';
import { createFingerprint } from '../../src/ingest/fingerprint.js';
import { Ingest, type Receipt } from '../../src/ingest/ingest.js';
import type { Plan } from '../../src/ingest/partition.js';
import type { Chunk } from '../../src/events/chunk.js';
import { unpack } from '../../src/ingest/pack.js';
import { rebuildDedupe } from '../../src/ingest/rebuild-dedupe.js';
import { Release } from '../../src/ingest/release.js';
import { Spool } from '../../src/ingest/spool.js';
import type { RecordHead } from '../../src/ingest/spool-record.js';
import { Turns } from '../../src/platform/event-loop-turns.js';
import { createLogger } from '../../src/platform/logger.js';
import type { CompiledRules } from '../../src/rules/compiled.js';
import { openLmdbStateStore } from '../../src/stores/state/lmdb.js';
import type { StateStore } from '../../src/stores/state/state-store.js';
import { linesOf, rulesOf, taken } from './events.js';
import { until } from './until.js';

/** What the spool holds of a chunk, as NDJSON. */
export interface UnpackedRecord {
  readonly head: RecordHead;
  readonly events: Buffer;
  readonly decisions: Buffer;
}

/** Reads a chunk back. */
async function unpacked(spool: Spool, chunk: Chunk): Promise<UnpackedRecord> {
  const { head, events, decisions } = spool.read(chunk);
  return { head, events: await unpack(events), decisions: await unpack(decisions) };
}

/** What an ingress is opened with. */
export interface IngressOptions {
  /** Takes a batch out, in place of Temporal: between its plan and its hand-over. */
  readonly onBatch?: (
    plan: Plan,
    records: readonly UnpackedRecord[],
    chunks: readonly Chunk[],
  ) => Promise<void> | void;
  /** What they leave out is plenty. */
  readonly limits?: Partial<AdmissionLimits>;
  readonly ack?: AckMode;
  readonly freeDiskBytes?: () => number;
  readonly maxSpoolBytes?: number;
  /** What admission is to look at otherwise. */
  readonly admission?: Partial<AdmissionOptions>;
  readonly dedupe?: DedupeOptions;
  /** The tenants' rules; undefined for one that is not configured. Default: all have those of {@link rulesOf}. */
  readonly rulesOf?: (tenant: string) => CompiledRules | undefined;
  /** Rest between checkpoints in milliseconds. Default 10; Infinity for none but the first and the last. */
  readonly restMs?: number;
  /** Changed subjects at which the rest is cut short. */
  readonly hurryAt?: number;
  /** Changed subjects at which events wait. */
  readonly maxChanged?: number;
  /** Opens the state. Default: the one in the directory, on LMDB. */
  readonly openState?: () => Promise<StateStore>;
  /** How the event loop is shared between tenants. Default: not at all, so that a request is a chunk. */
  readonly turns?: Turns;
}

/** Ingest over a real spool and a real state store. */
export interface Ingress {
  readonly admission: Admission;
  readonly ingest: Ingest;
  readonly spool: Spool;
  readonly state: StateStore;
  readonly decider: Decider;
  readonly checkpoints: Checkpoints;
  readonly batcher: Batcher;
  /** Hands events to ingest, and waits until they are written. */
  accept(tenant: string, stream: InputStream, rows: readonly EventRow[]): Promise<readonly Receipt[]>;
  /** Waits until no event waits in the spool. */
  drained(): Promise<void>;
  /** Stops as the API role does. */
  close(): Promise<void>;
  /** Stops with no last checkpoint: what memory has and no file is lost. */
  crash(): Promise<void>;
}

/** More than any test sends, so that only tests of rates meet them. */
const PLENTY: AdmissionLimits = { eventsPerSecond: 1e9, bytesPerSecond: 1e12, requestsPerSecond: 1e9 };

const DRAIN_MS = 10_000;
/** The longest that a timer takes. */
const NEVER_MS = 2 ** 31 - 1;

/** Opens spool, state, dedupe, decider, batcher and ingest in a directory as the API role does, and goes on with what is in it. */
export async function openIngress(directory: string, options: IngressOptions = {}): Promise<Ingress> {
  const spool = new Spool(join(directory, 'spool'));
  const state = (await options.openState?.()) ?? openLmdbStateStore(join(directory, 'state'));
  const faults: unknown[] = [];
  const fault = (error: unknown): void => void faults.push(error);
  const release = new Release({
    remove: (chunks) => spool.delete(chunks),
    watermarkOf: (tenant) => state.watermark(tenant),
    onError: fault,
  });
  const { decider, checkpoints } = decidingOf(options, { spool, state, release, fault });
  const batcher: Batcher = new Batcher({
    nextBatchId: () => spool.batchIds.next(),
    limitsOf: () => ({ maxEvents: 1_000, maxBytes: 1_000_000, lingerMs: 1 }),
    run: async (plan, chunks) => {
      if (plan.started !== true) {
        await spool.plan(plan);
        const records = await Promise.all(chunks.map((chunk) => unpacked(spool, chunk)));
        await options.onBatch?.(plan, records, chunks);
        await spool.handOver(plan, chunks);
        release.handedOver(chunks);
        ingest.started(chunks);
      }
      await spool.finish(plan);
    },
    onFault: fault,
  });
  const { admission, ...known } = await admissionAndDedupe(options, spool, batcher);
  const ingest: Ingest = new Ingest({
    ...known,
    spool,
    decider,
    routingOf: () => undefined,
    ack: options.ack ?? 'spool',
    onSpooled: (chunk) => batcher.add(chunk),
    onFailed: () => void checkpoints.rewind().catch(fault),
    turns: options.turns ?? new Turns({ shareMs: Infinity }),
  });
  await recover({ spool, state, batcher, decider, release });
  const close = async (): Promise<void> => {
    await ingest.close();
    await batcher.stop();
    await checkpoints.stop();
    await state.close();
    await spool.close();
    if (faults.length > 0) throw faults[0];
  };
  return {
    admission,
    ingest,
    spool,
    state,
    decider,
    checkpoints,
    batcher,
    close,
    accept: async (tenant, stream, rows) => {
      const { receipts, written } = await ingest.accept(tenant, stream, taken(rows));
      await written;
      return receipts;
    },
    drained: () => until(() => assert.deepEqual([spool.bytes, spool.planned()], [0, []]), DRAIN_MS),
    crash: () => {
      state.checkpoint = () => Promise.reject(new Error('the process has died'));
      return close();
    },
  };
}

type DecidingParts = Pick<Ingress, 'spool' | 'state'> & {
  readonly release: Release;
  readonly fault: (error: unknown) => void;
};

function decidingOf(
  options: IngressOptions,
  { spool, state, release, fault }: DecidingParts,
): Pick<Ingress, 'decider' | 'checkpoints'> {
  const usual = rulesOf();
  const decider: Decider = new Decider({
    store: state,
    rulesOf: options.rulesOf ?? (() => usual),
    chunks: () => spool.held(),
    eventsOf: async (chunk) => linesOf<EventRow>((await unpacked(spool, chunk)).events),
    onChange: () => checkpoints.changed(),
    onFault: (_event, error) => fault(error),
    maxChanged: options.maxChanged,
  });
  const checkpoints = new Checkpoints({
    decider,
    // What a test puts in place of a method is called.
    store: { checkpoint: (checkpoint) => state.checkpoint(checkpoint) },
    spooled: () => spool.settled(),
    onDurable: (watermarks) => release.durable(watermarks),
    log: createLogger('silent'),
    restMs: Math.min(options.restMs ?? 10, NEVER_MS),
    hurryAt: options.hurryAt,
  });
  return { decider, checkpoints };
}

async function admissionAndDedupe(options: IngressOptions, spool: Spool, batcher: Batcher) {
  const dedupe = new Dedupe(options.dedupe);
  await rebuildDedupe(dedupe, spool, { warn: () => undefined });
  const admission = new Admission({
    limitsOf: () => ({ ...PLENTY, ...options.limits }),
    backlogOf: (tenant) => batcher.backlog(tenant),
    spoolBytes: () => spool.bytes,
    maxSpoolBytes: options.maxSpoolBytes ?? 1e12,
    freeDiskBytes: options.freeDiskBytes ?? (() => 1e12),
    minFreeDiskBytes: 1,
    ...options.admission,
  });
  return { dedupe, admission, fingerprint: await createFingerprint(spool.seeds) };
}

async function recover({
  spool,
  state,
  batcher,
  decider,
  release,
}: Pick<Ingress, 'spool' | 'state' | 'batcher' | 'decider'> & { release: Release }): Promise<void> {
  spool.skipTo(state.highestWatermark());
  batcher.recover(spool.planned());
  for (const chunk of spool.held() as Iterable<Chunk & { handedOver: boolean }>) {
    if (chunk.handedOver) release.handedOver([chunk]);
    else batcher.add(chunk);
  }
  await decider.restore();
}
