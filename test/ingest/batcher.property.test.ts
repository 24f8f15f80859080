import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Chunk } from '../../src/events/chunk.js';
import { chunkOf, createBatcherBench, type BatcherBench } from '../support/batches.js';

const PARTITIONS = [
  'UA/events',
  'UA/user-properties',
  'DL/events',
  'DL/user-properties',
  'AA/events',
] as const;
const LIMITS = { maxEvents: 50, maxBytes: 4_000, lingerMs: 0 };

/** A step: a chunk comes, or one of the batches on their way ends. */
type Step =
  { readonly partition: (typeof PARTITIONS)[number]; readonly events: number } | { readonly ends: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ partition: fc.constantFrom(...PARTITIONS), events: fc.integer({ min: 1, max: 80 }) }),
  fc.record({ ends: fc.nat(10) }),
);

/** Checks a bench while it runs: what it has been given, and which batches have not ended. */
class Watch {
  readonly given = new Map<number, Chunk>();
  private readonly ended = new Set<number>();
  /** Batches of partitions that had a full one when they began. */
  private readonly full = new Set<number>();
  private seen = 0;

  constructor(
    private readonly bench: BatcherBench,
    private readonly slots: number,
    private readonly maxInFlight: number,
  ) {}

  get onTheirWay(): number[] {
    return this.bench.started.map((_, n) => n).filter((n) => !this.ended.has(n));
  }

  async end(n: number): Promise<void> {
    this.ended.add(n);
    await this.bench.started[n]?.finish();
  }

  /** What must hold after every step. */
  check(): void {
    const partitions = this.onTheirWay.map((n) => this.partitionOf(n));
    assert.ok(partitions.length <= Math.max(this.slots, this.maxInFlight), 'more batches than there may be');
    assert.equal(new Set(partitions).size, partitions.length, 'two batches of a partition at once');
    for (; this.seen < this.bench.started.length; this.seen++)
      if (this.wasFull(this.seen)) this.full.add(this.seen);
    const growing = this.onTheirWay.filter((n) => !this.full.has(n));
    assert.ok(growing.length <= this.slots, 'more batches than slots');
  }

  private wasFull(n: number): boolean {
    const sent = new Set(this.bench.started.slice(0, n).flatMap((batch) => batch.seqs));
    const waited = [...this.given.values()].filter(
      ({ seq, tenant, stream }) => !sent.has(seq) && `${tenant}/${stream}` === this.partitionOf(n),
    );
    const sum = (of: 'events' | 'bytes'): number => waited.reduce((total, chunk) => total + chunk[of], 0);
    return sum('events') >= LIMITS.maxEvents || sum('bytes') >= LIMITS.maxBytes;
  }

  /** What must hold of the whole run: each chunk once, in order, within the limits. */
  checkAll(): void {
    const seqs = this.bench.started.flatMap((batch) => batch.seqs);
    assert.deepEqual(
      [...seqs].sort((a, b) => a - b),
      [...this.given.keys()],
      'each chunk goes out once',
    );
    for (const partition of PARTITIONS) {
      const own = this.bench.started
        .filter((_, n) => this.partitionOf(n) === partition)
        .flatMap((batch) => batch.seqs);
      assert.deepEqual(
        own,
        [...own].sort((a, b) => a - b),
        'in order within its partition',
      );
    }
    for (const { chunks, plan } of this.bench.started) {
      const sum = (of: 'events' | 'bytes'): number => chunks.reduce((total, chunk) => total + chunk[of], 0);
      assert.ok(
        chunks.length === 1 || (sum('events') <= LIMITS.maxEvents && sum('bytes') <= LIMITS.maxBytes),
      );
      assert.deepEqual(
        [plan.events, plan.firstSeq, plan.lastSeq],
        [sum('events'), chunks[0]?.seq, chunks.at(-1)?.seq],
      );
    }
  }

  private partitionOf(n: number): string {
    const plan = this.bench.started[n]?.plan;
    return `${plan?.tenant}/${plan?.stream}`;
  }
}

describe('the batcher, whatever comes when', () => {
  it('sends every chunk once, in its partition’s order, within limits and slots', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, slots, maxInFlight) => {
          const bench = createBatcherBench({ limits: LIMITS, slots, maxInFlight });
          const watch = new Watch(bench, slots, maxInFlight);
          for (const each of steps) {
            if ('partition' in each) {
              const seq = watch.given.size + 1;
              watch.given.set(seq, chunkOf(each.partition, seq, each.events));
              bench.add(each.partition, each.events);
            } else {
              const way = watch.onTheirWay;
              if (way.length > 0) await watch.end(way[each.ends % way.length] as number);
            }
            watch.check();
          }
          for (let [next] = watch.onTheirWay; next !== undefined; [next] = watch.onTheirWay) {
            await watch.end(next);
            watch.check();
          }
          watch.checkAll();
          await bench.batcher.stop();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('goes on after a stop at any point, with the same batches under the same ids', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const before = createBatcherBench({ limits: LIMITS, slots: 2 });
        const chunks = new Map<number, Chunk>();
        const done = new Set<number>();
        for (const each of steps) {
          if ('partition' in each) {
            const seq = chunks.size + 1;
            chunks.set(seq, chunkOf(each.partition, seq, each.events));
            before.add(each.partition, each.events);
          } else if (before.started.length > done.size) {
            const way = before.started.map((_, n) => n).filter((n) => !done.has(n));
            const ends = way[each.ends % way.length] as number;
            done.add(ends);
            await before.started[ends]?.finish();
          }
        }
        const cut = before.started.filter((_, n) => !done.has(n));
        const gone = new Set(before.started.filter((_, n) => done.has(n)).flatMap(({ seqs }) => seqs));
        const known = before.started.map(({ plan }) => plan.batchId);
        const after = createBatcherBench({ limits: LIMITS, slots: 2, known });
        after.recover(
          cut.map(({ plan }) => plan),
          [...chunks.values()].filter(({ seq }) => !gone.has(seq)),
        );
        for (const { plan, seqs } of cut) {
          const resumed = after.started.find(({ plan: { batchId } }) => batchId === plan.batchId);
          assert.deepEqual([resumed?.plan, resumed?.seqs], [plan, seqs]);
        }
        for (let n = 0; n < after.started.length; n++) await after.started[n]?.finish();
        const out = [...gone, ...after.started.flatMap(({ seqs }) => seqs)].sort((a, b) => a - b);
        assert.deepEqual(out, [...chunks.keys()]);
        await after.batcher.stop();
        const stopping = before.batcher.stop();
        for (const { finish } of cut) await finish();
        await stopping;
      }),
      { numRuns: 200 },
    );
  });
});
