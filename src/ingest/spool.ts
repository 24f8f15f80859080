import { randomBytes } from 'node:crypto';
import type { Database } from 'lmdb';
import { HeadgateError } from '../errors.js';
import { INPUT_STREAMS, type BatchName, type InputStream } from '../events/event.js';
import { faultPoint } from '../platform/fault-point.js';
import { openLmdb, removeAll, type LmdbEnvironment } from '../platform/lmdb-environment.js';
import { BatchIds } from './batch-ids.js';
import { newestReceipt, PrintTable, type KeptPrints } from './kept-prints.js';
import { partitionKey, type Plan } from './partition.js';
import type { Chunk } from '../events/chunk.js';
import { RecentRecords } from './recent-records.js';
import {
  decodeHead,
  decodeRecord,
  encodeRecord,
  unlessDamaged,
  type ChunkRecord,
  type RecordBody,
  type RecordHead,
} from './spool-record.js';

/** A chunk found in the spool at start. */
export interface FoundChunk extends Chunk {
  /** True when Temporal has it: it is there only for a state that may not. */
  readonly handedOver: boolean;
}

/** Records kept in memory until they are batched: at full speed, a few seconds of them. */
const MAX_RECENT_BYTES = 32 * 1024 * 1024;

/**
 * The durable buffer between the acknowledgement and the rest of the pipeline, on LMDB:
 * - `chunks` by sequence number: the events of a request and the decisions on them, see spool-record.ts;
 * - `plans` by partition: the batch that is on its way, so that after a crash the same batch starts again;
 * - `handed` by partition: the last sequence number that Temporal has;
 * - `started`: the batch that Temporal got last, of all partitions;
 * - `prints` by sequence number: fingerprints, kept for the dedupe window, long after the events have left.
 *
 * Sequence numbers rise over all partitions, so an append is one write at the end of one tree.
 * States of a chunk: appended (flushed, acknowledged) → planned → handed over (Temporal has it) → deleted, once the
 * durable state has it as well.
 */
export class Spool {
  /** This spool's name in batch ids: 8 hex digits, made with it. */
  readonly node: string;
  /** Names this spool's batches. */
  readonly batchIds: BatchIds;
  /** Seeds of the fingerprints. */
  readonly seeds: readonly [bigint, bigint];
  private readonly lmdb: LmdbEnvironment;
  private readonly chunks: Database<Buffer, number>;
  private readonly plans: Database<Plan, [string, InputStream]>;
  private readonly handed: Database<number, [string, InputStream]>;
  private readonly newest: Database<BatchName, string>;
  private readonly prints: PrintTable;
  private readonly identities: Database<Identity, string>;
  private readonly recent = new RecentRecords(MAX_RECENT_BYTES);
  private nextSeq: number;
  private heldBytes = 0;
  private closing = false;
  /** Ends with the append before; see {@link Spool.append}. */
  private last: Promise<void> = Promise.resolve();

  constructor(directory: string) {
    this.lmdb = openLmdb(directory, { encoding: 'msgpack' });
    const { root } = this.lmdb;
    this.chunks = root.openDB({ name: 'chunks', encoding: 'binary' });
    this.plans = root.openDB({ name: 'plans' });
    this.handed = root.openDB({ name: 'handed' });
    this.newest = root.openDB({ name: 'started' });
    const prints = root.openDB<KeptPrints, number>({ name: 'prints' });
    this.identities = root.openDB({ name: 'identity' });
    this.nextSeq = 1 + Math.max(lastKey(this.chunks), lastKey(prints), this.lastHandedOrPlanned());
    const identity = identityOf(this.identities, this.nextSeq);
    this.prints = new PrintTable(prints, identity.keyedFrom);
    this.node = identity.node;
    this.batchIds = new BatchIds(this.node, this.knownBatches());
    this.seeds = [BigInt(`0x${identity.seeds[0]}`), BigInt(`0x${identity.seeds[1]}`)];
    for (const { value } of this.chunks.getRange()) this.heldBytes += value.length;
  }

  /** Bytes that it holds. */
  get bytes(): number {
    return this.heldBytes;
  }

  /** The sequence number of the next chunk; to be used by an append in the same turn. */
  reserve(): number {
    return this.nextSeq++;
  }

  /** Reserves nothing up to `seq` any more: another store has used it. */
  skipTo(seq: number): void {
    this.nextSeq = Math.max(this.nextSeq, seq + 1);
  }

  /**
   * Keeps a request's events under a reserved number, and resolves when they are flushed to disk: only then may the
   * request be answered. Appends resolve in the order of their sequence numbers.
   * @throws HeadgateError `DISK_FULL` (retryable) when they could not be written
   */
  append(seq: number, head: RecordHead, body: RecordBody): Promise<Chunk> {
    faultPoint('spool-flush.before');
    const written = this.write(seq, head, body);
    const before = this.last;
    this.last = written.then(
      () => before,
      () => before,
    );
    return inOrder(before, written);
  }

  /** Resolves when every append so far is on disk or has failed. */
  settled(): Promise<void> {
    return this.last;
  }

  /** What it holds, in order of receipt; without chunks of which it cannot be told whose they are. */
  *held(): Iterable<FoundChunk> {
    const handed = new Map<string, number>();
    for (const { key, value } of this.handed.getRange()) handed.set(partitionKey(...key), value);
    for (const { key: seq, value } of this.chunks.getRange()) {
      const head = unlessDamaged(() => decodeHead(value));
      if (head === undefined) continue;
      const handedOver = seq <= (handed.get(partitionKey(head.tenant, head.stream)) ?? 0);
      yield { ...chunkOf(seq, head, value.length), handedOver };
    }
  }

  /** The batches that were on their way when the process stopped. */
  planned(): Plan[] {
    return [...this.plans.getRange()].map(({ value }) => value);
  }

  /** The batch that Temporal got last: it knows it, unless its data is older than this spool, or lost. */
  lastStarted(): BatchName | undefined {
    return this.newest.get('last');
  }

  /** Fingerprints received since `since`: of what has left first, then of what it holds. */
  *keptPrints(since: number): Iterable<KeptPrints> {
    yield* this.prints.since(since);
    for (const { key, value } of this.chunks.getRange()) {
      // What is damaged may be sent again.
      const record = unlessDamaged(() => decodeRecord(value));
      if (record !== undefined && record.head.receivedAt >= since)
        yield this.prints.described(key, { ...record.head, prints: record.prints });
    }
  }

  /** When the newest of its events came, as far as that is not after `now`; undefined when it remembers none. */
  newestReceipt(now: number): number | undefined {
    return newestReceipt(this.prints, this.chunks, now);
  }

  /** Chunks of which it cannot be told whose they are, by sequence number: the disk has damaged their heads. */
  *headless(): Iterable<{ readonly seq: number; readonly record: Buffer }> {
    for (const { key: seq, value: record } of this.chunks.getRange())
      if (unlessDamaged(() => decodeHead(record)) === undefined) yield { seq, record };
  }

  /** Lets go of a chunk that {@link Spool.headless} has reported. */
  async removeHeadless(seq: number, { length }: Buffer): Promise<void> {
    await this.lmdb.committed(() => this.chunks.remove(seq));
    this.heldBytes -= length;
  }

  /**
   * A chunk's events, and the decisions on them.
   * @throws HeadgateError `BATCH_CORRUPT` when it is not there, or is not what was written
   */
  read(chunk: Chunk): ChunkRecord {
    const record = this.raw(chunk);
    if (record === undefined)
      throw new HeadgateError('BATCH_CORRUPT', `The spool has lost the events of chunk ${chunk.seq}.`);
    return decodeRecord(record);
  }

  /** A chunk's bytes as they are, damaged or not. */
  raw({ seq }: Chunk): Buffer | undefined {
    return this.recent.get(seq)?.record ?? this.chunks.get(seq);
  }

  /** Writes down which chunks a batch holds; resolves when that is on disk. */
  async plan(plan: Plan): Promise<void> {
    faultPoint('plan.before');
    await this.lmdb.flushed(() => this.plans.put([plan.tenant, plan.stream], plan));
    faultPoint('plan.after');
  }

  /** Temporal has the batch. The plan stays, since the next batch of the partition waits for this one. */
  async handOver(plan: Plan, chunks: readonly Chunk[]): Promise<void> {
    faultPoint('hand-over.before');
    const partition: [string, InputStream] = [plan.tenant, plan.stream];
    await this.lmdb.committed(() =>
      this.lmdb.root.batch(() => {
        void this.plans.put(partition, { ...plan, started: true });
        void this.handed.put(partition, plan.lastSeq);
        if (plan.dead !== true) void this.newest.put('last', nameOf(plan));
      }),
    );
    for (const { seq } of chunks) this.recent.batched(seq);
    faultPoint('hand-over.after');
  }

  /** The batch's workflow has ended: the partition is free for the next. */
  async finish(plan: Plan): Promise<void> {
    await this.lmdb.committed(() => this.plans.remove([plan.tenant, plan.stream]));
  }

  /** Lets go of chunks of one partition, in order, and keeps their fingerprints. */
  async delete(chunks: readonly Chunk[]): Promise<void> {
    if (chunks.length === 0) return;
    faultPoint('spool-delete.before');
    const leaving = chunks.map((chunk) => ({ ...chunk, prints: this.printsOf(chunk.seq) }));
    await this.lmdb.committed(() =>
      this.lmdb.root.batch(() => {
        for (const { seq } of chunks) void this.chunks.remove(seq);
        this.prints.keep(leaving);
      }),
    );
    for (const { seq, spoolBytes } of chunks) {
      this.recent.forget(seq);
      this.heldBytes -= spoolBytes;
    }
    faultPoint('spool-delete.after');
  }

  /** Forgets fingerprints received before `before`. Returns how many records they were. */
  forgetPrints(before: number, now = Date.now()): Promise<number> {
    return this.prints.forget(this.lmdb, { before, now, isClosing: () => this.closing });
  }

  /**
   * Forgets all of a tenant: its events, the batches that are on their way, and which events it has had. Nobody may be
   * working on them. Its sequence numbers stay used, so that none of its batches' ids is ever given again.
   * @returns how many events Temporal did not have
   */
  async forgetTenant(tenant: string): Promise<number> {
    const own = [...this.held()].filter((chunk) => chunk.tenant === tenant);
    const partitions = INPUT_STREAMS.map((stream): [string, InputStream] => [tenant, stream]);
    await this.lmdb.flushed(() => this.handed.put([tenant, 'events'], this.nextSeq - 1));
    await removeAll(this.lmdb, this.plans, partitions);
    if (this.lastStarted()?.tenant === tenant) await removeAll(this.lmdb, this.newest, ['last']);
    await this.prints.forgetTenant(this.lmdb, tenant);
    await removeAll(
      this.lmdb,
      this.chunks,
      own.map(({ seq }) => seq),
    );
    this.heldBytes -= own.reduce((sum, { spoolBytes }) => sum + spoolBytes, 0);
    return own.reduce((sum, { handedOver, events }) => sum + (handedOver ? 0 : events), 0);
  }

  /**
   * Proves that the spool can be written.
   * @throws Error when it cannot
   */
  async checkWritable(): Promise<void> {
    await this.lmdb.flushed(() =>
      this.identities.put('checked', this.identities.get('identity') as Identity),
    );
  }

  /** Flushes and closes. */
  async close(): Promise<void> {
    this.closing = true;
    await this.lmdb.close();
  }

  private async write(seq: number, head: RecordHead, body: RecordBody): Promise<Chunk> {
    const record = encodeRecord(head, body);
    await this.lmdb.flushed(() => this.chunks.put(seq, record), { records: 1, bytes: record.length });
    this.recent.add(seq, record, body.prints);
    this.heldBytes += record.length;
    return chunkOf(seq, head, record.length);
  }

  private printsOf(seq: number): Buffer {
    const recent = this.recent.get(seq);
    if (recent !== undefined) return recent.prints;
    const record = this.chunks.get(seq);
    const decoded = record && unlessDamaged(() => decodeRecord(record));
    return decoded?.prints ?? Buffer.alloc(0);
  }

  private knownBatches(): string[] {
    return [this.lastStarted(), ...this.planned()].flatMap((batch) => batch?.batchId ?? []);
  }

  /** The partitions remember the last number that was used even when nothing is held: no batch id is ever used twice. */
  private lastHandedOrPlanned(): number {
    const handed = [...this.handed.getRange()].map(({ value }) => value);
    return [...handed, ...this.planned().map((plan) => plan.lastSeq)].reduce((a, b) => Math.max(a, b), 0);
  }
}

/** Resolves with `written`, but not before `before`; at a failure no later. */
async function inOrder(before: Promise<void>, written: Promise<Chunk>): Promise<Chunk> {
  const chunk = await written;
  await before;
  faultPoint('spool-flush.after');
  return chunk;
}

function chunkOf(
  seq: number,
  { tenant, stream, events, bytes, receivedAt }: RecordHead,
  spoolBytes: number,
): Chunk {
  return { seq, tenant, stream, events, bytes, spoolBytes, receivedAt };
}

function nameOf({ tenant, stream, batchId }: Plan): BatchName {
  return { tenant, stream, batchId };
}

function lastKey(table: Database<unknown, number>): number {
  for (const key of table.getKeys({ reverse: true, limit: 1 })) return key;
  return 0;
}

/** What a spool is called in batch ids, and what its fingerprints are made with. */
interface Identity {
  /** 8 hex digits. */
  readonly node: string;
  /** 16 hex digits each. */
  readonly seeds: [string, string];
  /** Sequence number from which on fingerprints are of source and id; those before, of version 0.1.0, are of ids alone. */
  readonly keyedFrom?: number;
}

/**
 * The identity of a spool, made by chance when it is new.
 * @param nextSeq the next sequence number to be used
 */
function identityOf(table: Database<Identity, string>, nextSeq: number): Required<Identity> {
  const kept = table.get('identity');
  if (kept?.keyedFrom !== undefined) return { ...kept, keyedFrom: kept.keyedFrom };
  const made: Required<Identity> = {
    node: kept?.node ?? randomBytes(4).toString('hex'),
    seeds: kept?.seeds ?? [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')],
    keyedFrom: nextSeq,
  };
  table.putSync('identity', made);
  return made;
}
