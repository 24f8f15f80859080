import type { InputStream } from '../../src/events/event.js';
import { BatchIds } from '../../src/ingest/batch-ids.js';
import { Batcher, type BatcherOptions } from '../../src/ingest/batcher.js';
import type { BatchLimits, Plan } from '../../src/ingest/partition.js';
import type { Chunk } from '../../src/events/chunk.js';

/** A batch that the batcher has started, to be ended by the test. */
interface StartedBatch {
  readonly plan: Plan;
  readonly chunks: readonly Chunk[];
  /** Sequence numbers of the chunks. */
  readonly seqs: readonly number[];
  finish(): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** A batcher whose batches run until the test ends them. */
export interface BatcherBench {
  readonly batcher: Batcher;
  /** Every batch started so far, in order. */
  readonly started: StartedBatch[];
  readonly faults: unknown[];
  /** Adds a chunk of a number of events and returns its sequence number. */
  add(partition: string, events?: number, more?: Partial<Chunk>): number;
  /** Goes on as after a restart: with the batches that were on their way, then with what waits. */
  recover(plans: readonly Plan[], waiting: readonly Chunk[]): void;
  /** The partitions of the batches started so far, as `tenant/stream:seq,seq`. */
  log(): string[];
}

/** Options of {@link createBatcherBench}; limits may change while it runs. */
export interface BenchOptions extends Partial<
  Pick<
    BatcherOptions,
    'slots' | 'maxInFlight' | 'slotMs' | 'restPerWork' | 'delivers' | 'busyness' | 'now' | 'limitsOf'
  >
> {
  readonly limits?: Partial<BatchLimits>;
  /** Ids of batches that were given before a restart. Default: none. */
  readonly known?: readonly string[];
}

/** A chunk as the spool gives it. */
export function chunkOf(partition: string, seq: number, events = 1, more: Partial<Chunk> = {}): Chunk {
  const [tenant, stream = 'events'] = partition.split('/') as [string, InputStream?];
  return {
    seq,
    tenant,
    stream,
    events,
    bytes: events * 100,
    spoolBytes: events * 100,
    receivedAt: 0,
    ...more,
  };
}

/** Builds a batcher over batches that the test ends. */
export function createBatcherBench({ limits, known, ...options }: BenchOptions = {}): BatcherBench {
  const started: StartedBatch[] = [];
  const faults: unknown[] = [];
  let nextSeq = 1;
  const batchIds = new BatchIds('0123abcd', known, options.now);
  const batcher = new Batcher({
    nextBatchId: () => batchIds.next(),
    restPerWork: 0,
    limitsOf: () => ({ maxEvents: 100, maxBytes: 1_000_000, lingerMs: 0, ...limits }),
    run: (plan, chunks) =>
      new Promise((resolve, reject) => {
        const settled = (settle: () => void) => async (): Promise<void> => {
          settle();
          await new Promise(setImmediate);
        };
        started.push({
          plan,
          chunks,
          seqs: chunks.map(({ seq }) => seq),
          finish: settled(resolve),
          fail: (error) => settled(() => reject(error))(),
        });
      }),
    onFault: (error) => void faults.push(error),
    ...options,
  });
  return {
    batcher,
    started,
    faults,
    add: (partition, events, more) => {
      const chunk = chunkOf(partition, nextSeq++, events, { receivedAt: Date.now(), ...more });
      batcher.add(chunk);
      return chunk.seq;
    },
    recover: (plans, waiting) => {
      batcher.recover(plans);
      for (const chunk of waiting) batcher.add(chunk);
    },
    log: () => started.map(({ plan, seqs }) => `${plan.tenant}/${plan.stream}:${seqs.join()}`),
  };
}
