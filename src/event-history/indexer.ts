import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { messageOf } from '../errors.js';
import { INPUT_STREAMS, type BatchName, type InputStream, type Stream } from '../events/event.js';
import { KeyedMutex } from '../platform/keyed-mutex.js';
import type { Logger } from '../platform/logger.js';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../platform/time.js';
import { unlessUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';
import type { EventIndex } from '../stores/event-index/event-index.js';
import { IndexingBatches } from '../stores/event-index/indexing.js';
import {
  SegmentDamaged,
  type IndexDay,
  type IndexedBatch,
  type KeyKind,
} from '../stores/event-index/segment.js';
import { dayOfBatch, isCopy } from '../tenants/ids.js';

/** What {@link Indexer} needs. */
export interface IndexerOptions {
  readonly index: EventIndex;
  readonly batchStore: Pick<BatchStore, 'days' | 'list' | 'open'>;
  /** True where other nodes write batches into the same store. */
  readonly shared: boolean;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Tenants whose batches are looked through. */
  readonly tenants: () => readonly string[];
  /** How busy the machine is, 0 to 1. Default: always 0. */
  readonly busyness?: () => number;
  readonly now?: () => number;
}

/** What is known of a day's batches. */
interface Day extends IndexDay {
  readonly stream: InputStream;
  /** Those that are to be indexed, with their gzipped files where these are in memory. */
  readonly pending: Map<string, Buffer | undefined>;
  /** Since when the first of them waits. */
  waitingSince: number;
  /** When the batches of the store were compared with the index; absent: not yet, or the index was damaged since. */
  lookedAt?: number;
  /** How often its index was damaged. */
  damages: number;
  /** When its batches could not be indexed: it has a rest then. */
  failedAt: number;
}

/** Batches that may hold what is looked for. */
export interface Candidates {
  /** By the index. */
  readonly indexed: ReadonlyMap<string, IndexedBatch>;
  /** Those that are not indexed yet: they may hold anything. */
  readonly unindexed: readonly string[];
}

/** A file of the index has this many batches, or those of this long. */
const FLUSH = { batches: 16, ms: 15 * SECOND_MS };
/** What is read at a time of many batches that wait: a few megabytes of memory. */
const MOST = { batches: 64, entries: 200_000 };
/** Gzipped files that are kept in memory until they are indexed; others are read back. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;
const TICK_MS = SECOND_MS;
const FIRST_LOOK_MS = 5 * SECOND_MS;
const LOOK_EVERY_MS = HOUR_MS;
/** Where other nodes write too, a list of today's batches is good for this long. */
const FRESH_MS = 10 * SECOND_MS;
/**
 * It rests after its work, for a multiple of what that took: of many batches that wait, as after an upgrade, it has a third
 * of a core, and while the machine is busy 2 % of one. Searches then look at what waits themselves.
 */
const REST_PER_WORK = { calm: 2, busy: 50 };
const BUSY = 0.8;
const MAX_LOOKS = 20;
const FAILURE_REST_MS = MINUTE_MS;

const gunzipAsync = promisify(gunzip);

/**
 * Keeps the index of events, behind the pipeline: a batch that was written is indexed within seconds, and whatever a
 * crash, an upgrade or damage has left out is found by comparing the store with the index, at each start and every hour.
 * Until then it is known what is not indexed, and searches look at those batches themselves.
 */
export class Indexer {
  private readonly days = new Map<string, Day>();
  /** One writes a day's files at a time. */
  private readonly turns = new KeyedMutex();
  private readonly stopping = new AbortController();
  private keptBytes = 0;
  private running: Promise<unknown> = Promise.resolve();
  private readonly now: () => number;

  constructor(private readonly options: IndexerOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Works in the background from now on. */
  start(): void {
    const { signal } = this.stopping;
    const every = async (first: number, ms: number, work: () => Promise<void>): Promise<void> => {
      for (let wait = first; await slept(wait, signal); wait = ms) await work();
    };
    this.running = Promise.all([
      every(TICK_MS, TICK_MS, () => this.flush()),
      every(FIRST_LOOK_MS, LOOK_EVERY_MS, () => this.look()),
    ]);
  }

  /** Stops after the step it is at. What is not indexed then is found at the next start. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** A batch was written: its name, and its gzipped file. */
  written({ tenant, stream, batchId }: BatchName, gzipped: Buffer): void {
    if (!isInput(stream)) return;
    const kept = this.keptBytes + gzipped.length <= MAX_KEPT_BYTES ? gzipped : undefined;
    this.await(this.dayOf(tenant, stream, dayOfBatch(batchId)), batchId, kept);
  }

  /** The batches of a day that may hold an id or a subject. */
  async candidates(day: IndexDay & { stream: InputStream }, kind: KeyKind, key: string): Promise<Candidates> {
    for (let looks = 1; ; looks++) {
      try {
        // What waits first: what is indexed in between is found twice, and not missed.
        const unindexed = await this.unindexed(day);
        return { indexed: await this.options.index.find(day, kind, key), unindexed };
      } catch (error) {
        if (!(error instanceof SegmentDamaged) || looks === MAX_LOOKS) throw error;
      }
    }
  }

  /** The index of a day is not what it was: it is compared with the store again. */
  damaged({ tenant, stream, day }: IndexDay): void {
    if (!isInput(stream)) return;
    const known = this.dayOf(tenant, stream, day);
    known.damages++;
    known.lookedAt = undefined;
  }

  /** Compares the store with the index, for all tenants, and deletes the index of days without batches. */
  async look(): Promise<void> {
    const tenants = new Set([...this.options.tenants(), ...(await this.options.index.tenants())]);
    for (const tenant of tenants) {
      for (const stream of INPUT_STREAMS) {
        if (this.stopping.signal.aborted) return;
        await this.noting({ tenant }, () => this.lookAt(tenant, stream));
      }
    }
  }

  /** Indexes what has waited for long enough; `all` of it, where that is asked for. */
  async flush(all = false): Promise<void> {
    for (const day of [...this.days.values()]) {
      if (this.stopping.signal.aborted) return;
      if (day.pending.size === 0 || this.now() - day.failedAt < FAILURE_REST_MS) continue;
      const waits = all || day.pending.size >= FLUSH.batches || this.now() - day.waitingSince >= FLUSH.ms;
      if (!waits) continue;
      const work = (): Promise<void> => this.noting(day, () => this.indexOrRest(day));
      await (all ? work() : this.resting(work));
    }
  }

  private async lookAt(tenant: string, stream: InputStream): Promise<void> {
    const { batchStore, index } = this.options;
    const kept = await batchStore.days(tenant, stream);
    for (const day of await index.days(tenant, stream))
      if (!kept.includes(day)) await this.forget({ tenant, stream, day });
    // The newest first: they are asked for most.
    for (const name of [...kept].reverse()) {
      if (this.stopping.signal.aborted) return;
      const day = this.dayOf(tenant, stream, name);
      await this.compare(day);
      while (day.pending.size >= FLUSH.batches && !this.stopping.signal.aborted) {
        await this.resting(() => this.indexDay(day));
      }
      if (isOver(name, this.now()) && day.pending.size === 0)
        await this.turns.run(keyOf(day), () => index.merge(day, true));
    }
  }

  private async compare(day: Day): Promise<void> {
    const { batchStore, index } = this.options;
    const at = this.now();
    const { tenant, stream, day: name, damages } = day;
    // In this order: what is indexed after the list was made would seem to be left out otherwise.
    const listed: string[] = [];
    for await (const { batchId } of batchStore.list({ tenant, stream, from: name, to: name }))
      listed.push(batchId);
    const indexed = await index.batchesOf(day);
    for (const batchId of listed) if (!indexed.has(batchId) && !isCopy(batchId)) this.await(day, batchId);
    if (day.damages === damages) day.lookedAt = at;
  }

  private async unindexed({
    tenant,
    stream,
    day: name,
  }: IndexDay & { stream: InputStream }): Promise<string[]> {
    const day = this.dayOf(tenant, stream, name);
    const { lookedAt } = day;
    const stale = this.options.shared && !isOver(name, this.now()) ? FRESH_MS : Infinity;
    if (lookedAt === undefined || this.now() - lookedAt > stale) await this.compare(day);
    return [...day.pending.keys()];
  }

  private await(day: Day, batchId: string, kept?: Buffer): void {
    if (day.pending.has(batchId)) return;
    if (day.pending.size === 0) day.waitingSince = this.now();
    day.pending.set(batchId, kept);
    this.keptBytes += kept?.length ?? 0;
  }

  private async resting(work: () => Promise<void>): Promise<void> {
    const { busyness = () => 0 } = this.options;
    const isBusy = busyness() >= BUSY;
    const began = performance.now();
    await work();
    const rest = isBusy ? REST_PER_WORK.busy : REST_PER_WORK.calm;
    await slept(rest * (performance.now() - began), this.stopping.signal);
  }

  private async indexOrRest(day: Day): Promise<void> {
    try {
      await this.indexDay(day);
    } catch (error) {
      day.failedAt = this.now();
      throw error;
    }
  }

  private indexDay(day: Day): Promise<void> {
    return this.turns.run(keyOf(day), async () => {
      const { index } = this.options;
      const batches = new IndexingBatches(index.hash);
      const taken: string[] = [];
      for (const [batchId, gzipped] of day.pending) {
        const ndjson = gzipped === undefined ? await this.read(day, batchId) : await gunzipAsync(gzipped);
        if (ndjson !== undefined) await batches.add(batchId, ndjson);
        taken.push(batchId);
        if (taken.length === MOST.batches || batches.entries > MOST.entries) break;
      }
      if (batches.count > 0) await index.add(day, batches);
      for (const batchId of taken) {
        this.keptBytes -= day.pending.get(batchId)?.length ?? 0;
        day.pending.delete(batchId);
      }
      day.waitingSince = this.now();
      await index.merge(day);
    });
  }

  /** Undefined for a batch that is gone, damaged, or of an erased tenant: there is nothing to be found in it. */
  private async read({ tenant, stream }: Day, batchId: string): Promise<Buffer | undefined> {
    const opened = await unlessUnreadable(this.options.batchStore.open({ tenant, stream, batchId }));
    return opened?.ndjson;
  }

  private async forget(day: IndexDay): Promise<void> {
    await this.turns.run(keyOf(day), () => this.options.index.deleteDay(day));
    const known = this.days.get(keyOf(day));
    for (const gzipped of known?.pending.values() ?? []) this.keptBytes -= gzipped?.length ?? 0;
    this.days.delete(keyOf(day));
  }

  private dayOf(tenant: string, stream: InputStream, day: string): Day {
    const key = keyOf({ tenant, stream, day });
    let known = this.days.get(key);
    if (known === undefined) {
      known = {
        tenant,
        stream,
        day,
        pending: new Map(),
        waitingSince: this.now(),
        damages: 0,
        failedAt: -Infinity,
      };
      this.days.set(key, known);
    }
    return known;
  }

  /** What fails is tried again: what is not indexed is known. */
  private async noting({ tenant }: { readonly tenant: string }, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Told already, and looked at again.
      if (error instanceof SegmentDamaged) return;
      this.options.log.warn('EVENT_INDEX_FAILED', { tenant, reason: messageOf(error) });
    }
  }
}

function isInput(stream: Stream): stream is InputStream {
  return stream !== 'decisions';
}

function keyOf({ tenant, stream, day }: IndexDay): string {
  return `${tenant}/${stream}/${day}`;
}

/** A batch may be written some time after it was named. */
function isOver(day: string, now: number): boolean {
  return Date.parse(day) + 25 * HOUR_MS <= now;
}

/** False when the signal has ended it. */
async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal, ref: false });
    return true;
  } catch {
    return false;
  }
}
