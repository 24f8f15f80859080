import { randomBytes } from 'node:crypto';
import { asBinary, type Database } from 'lmdb';
import { HeadgateError } from '../errors.js';
import type { InputStream } from '../event.js';
import { faultPoint } from '../fault-point.js';
import { openLmdb, type LmdbEnvironment } from '../lmdb-environment.js';
import type { Chunk, Plan } from './lane.js';

/** One request's accepted events of one lane, to be kept until Temporal has them. */
export interface Append {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly events: number;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Event types among them, sorted, the first few. */
  readonly types: readonly string[];
  readonly firstEvent: string;
  readonly lastEvent: string;
  /** One canonical event a line. */
  readonly ndjson: Buffer;
  /** The events' fingerprints, {@link FINGERPRINT_BYTES} each. */
  readonly prints: Buffer;
}

/** A lane's fingerprints as they were kept: what dedupe is rebuilt from. */
export interface KeptPrints {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly receivedAt: number;
  readonly prints: Buffer;
}

interface Identity {
  readonly node: string;
  readonly seeds: [string, string];
}

/** A chunk's head: its names, two event ids, and some event types. */
const HEAD_BYTES = 16 * 1024;
/** Fingerprints are forgotten in steps, between which requests are answered. */
const FORGOTTEN_AT_ONCE = 1_000;

/**
 * The durable buffer between the acknowledgement and Temporal, on LMDB:
 * - `heads` and `bodies` by sequence number: what waits; a body is the request's events as NDJSON;
 * - `plans` by lane: the batch that is on its way, so that after a crash the same batch starts again;
 * - `prints` by sequence number: fingerprints, kept for the dedupe window, long after the events have left.
 *
 * Sequence numbers rise over all lanes, so every write but a plan is an append, and "received before" can be asked across streams.
 * States of a chunk: appended (flushed, acknowledged) → planned → started (head and body deleted) → done (plan deleted).
 */
export class Spool {
  /** This spool's name in batch ids: 8 hex digits, made with it. */
  readonly node: string;
  /** Seeds of the fingerprints. */
  readonly seeds: readonly [bigint, bigint];
  private readonly lmdb: LmdbEnvironment;
  private readonly heads: Database<Chunk, number>;
  private readonly bodies: Database<Buffer, number>;
  private readonly plans: Database<Plan, [string, InputStream]>;
  private readonly prints: Database<KeptPrints, number>;
  private readonly identities: Database<Identity, string>;
  private nextSeq: number;
  private waitingBytes = 0;
  private closing = false;

  constructor(directory: string) {
    this.lmdb = openLmdb(directory, { encoding: 'msgpack' });
    const { root } = this.lmdb;
    this.heads = root.openDB({ name: 'heads' });
    this.bodies = root.openDB({ name: 'bodies', encoding: 'binary' });
    this.plans = root.openDB({ name: 'plans' });
    this.prints = root.openDB({ name: 'prints' });
    this.identities = root.openDB({ name: 'identity' });
    const identity = this.identity();
    this.node = identity.node;
    this.seeds = [BigInt(`0x${identity.seeds[0]}`), BigInt(`0x${identity.seeds[1]}`)];
    this.nextSeq = 1 + Math.max(lastKey(this.heads), lastKey(this.prints), this.lastPlanned());
    for (const { value } of this.heads.getRange()) this.waitingBytes += value.bytes;
  }

  /** Bytes of events that wait for Temporal. */
  get bytes(): number {
    return this.waitingBytes;
  }

  /**
   * Keeps a request's events and resolves when they are flushed to disk: only then may the request be answered.
   * @throws HeadgateError `DISK_FULL` (retryable) when they could not be written
   */
  async append(append: Append): Promise<Chunk> {
    const { ndjson, prints, ...described } = append;
    const { tenant, stream, receivedAt } = described;
    const chunk: Chunk = { ...described, seq: this.nextSeq++, bytes: ndjson.length };
    faultPoint('spool-flush.before');
    const write = (): Promise<unknown> =>
      this.lmdb.root.batch(() => {
        void this.heads.put(chunk.seq, chunk);
        void this.bodies.put(chunk.seq, asBinary(ndjson) as unknown as Buffer);
        void this.prints.put(chunk.seq, { tenant, stream, receivedAt, prints });
      });
    await this.lmdb.flushed(write, { records: 3, bytes: ndjson.length + prints.length + HEAD_BYTES });
    faultPoint('spool-flush.after');
    this.waitingBytes += chunk.bytes;
    return chunk;
  }

  /** What waits, in order of receipt. */
  *waiting(): Iterable<Chunk> {
    for (const { value } of this.heads.getRange()) yield value;
  }

  /** The batches that were on their way when the process stopped. */
  planned(): Plan[] {
    return [...this.plans.getRange()].map(({ value }) => value);
  }

  /** Fingerprints received since `since`, oldest first. */
  *keptPrints(since: number): Iterable<KeptPrints> {
    for (const { value } of this.prints.getRange()) if (value.receivedAt >= since) yield value;
  }

  /**
   * The events of a batch: the bodies of its chunks, joined.
   * @throws HeadgateError `BATCH_CORRUPT` when one is not there: a batch is whole or it does not start
   */
  read(chunks: readonly Chunk[]): Buffer {
    const bodies = chunks.map(({ seq }) => {
      const body = this.bodies.get(seq);
      if (body !== undefined) return body;
      throw new HeadgateError('BATCH_CORRUPT', `The spool has lost the events of chunk ${seq}.`);
    });
    return Buffer.concat(bodies);
  }

  /** Writes down which chunks a batch holds; resolves when that is on disk. */
  async plan(plan: Plan): Promise<void> {
    faultPoint('plan.before');
    await this.lmdb.flushed(() => this.plans.put([plan.tenant, plan.stream], plan));
    faultPoint('plan.after');
  }

  /** Temporal has the batch: its events leave the spool; the plan stays, since the next batch of the lane waits for this one. */
  async release(plan: Plan, chunks: readonly Chunk[]): Promise<void> {
    faultPoint('spool-delete.before');
    await this.lmdb.committed(() =>
      this.lmdb.root.batch(() => {
        for (const { seq } of chunks) {
          void this.heads.remove(seq);
          void this.bodies.remove(seq);
        }
        void this.plans.put([plan.tenant, plan.stream], { ...plan, started: true });
      }),
    );
    faultPoint('spool-delete.after');
    for (const { bytes } of chunks) this.waitingBytes -= bytes;
  }

  /** The batch has been decided on: the lane is free for the next. */
  async finish(plan: Plan): Promise<void> {
    await this.lmdb.committed(() => this.plans.remove([plan.tenant, plan.stream]));
  }

  /**
   * Forgets fingerprints received before `before`, but never the newest: sequence numbers go on from it, so that no
   * batch id is ever used twice. Returns how many appends they belonged to.
   */
  async forgetPrints(before: number): Promise<number> {
    const newest = lastKey(this.prints);
    let forgotten = 0;
    while (!this.closing) {
      const old = [...this.prints.getRange({ end: newest, limit: FORGOTTEN_AT_ONCE })]
        .filter(({ value }) => value.receivedAt < before)
        .map(({ key }) => key);
      await this.lmdb.committed(() =>
        this.lmdb.root.batch(() => {
          for (const key of old) void this.prints.remove(key);
        }),
      );
      forgotten += old.length;
      if (old.length < FORGOTTEN_AT_ONCE) break;
    }
    return forgotten;
  }

  /**
   * Proves that the spool can be written.
   * @throws Error when it cannot
   */
  async checkWritable(): Promise<void> {
    const identity = this.identities.get('identity') as Identity;
    await this.lmdb.flushed(() => this.identities.put('checked', identity));
  }

  /** Flushes and closes. */
  async close(): Promise<void> {
    this.closing = true;
    await this.lmdb.close();
  }

  private lastPlanned(): number {
    return Math.max(0, ...this.planned().map((plan) => plan.lastSeq));
  }

  private identity(): Identity {
    const kept = this.identities.get('identity');
    if (kept !== undefined) return kept;
    const made: Identity = {
      node: randomBytes(4).toString('hex'),
      seeds: [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')],
    };
    this.identities.putSync('identity', made);
    return made;
  }
}

function lastKey(table: Database<unknown, number>): number {
  for (const key of table.getKeys({ reverse: true, limit: 1 })) return key;
  return 0;
}
