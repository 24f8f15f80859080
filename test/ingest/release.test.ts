import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Chunk } from '../../src/events/chunk.js';
import { Release } from '../../src/ingest/release.js';
import { chunkOf } from '../support/batches.js';

describe('the release of chunks', () => {
  let removed: Chunk[][];
  let errors: unknown[];
  let durableAtStart: Record<string, number>;

  beforeEach(() => {
    removed = [];
    errors = [];
    durableAtStart = {};
  });

  function open(remove?: (chunks: readonly Chunk[]) => Promise<void>): Release {
    return new Release({
      remove: async (chunks) => {
        await remove?.(chunks);
        removed.push([...chunks]);
      },
      watermarkOf: (tenant) => durableAtStart[tenant] ?? 0,
      onError: (error) => void errors.push(error),
    });
  }

  const settled = (): Promise<void> => new Promise(setImmediate);
  const seqs = (): number[] => removed.flat().map(({ seq }) => seq);
  const watermarks = (all: Record<string, number>): Map<string, number> => new Map(Object.entries(all));

  it('waits for both: Temporal, and the durable state', async () => {
    const release = open();
    release.handedOver([chunkOf('UA', 1), chunkOf('UA', 2), chunkOf('UA', 3)]);
    await settled();
    assert.deepEqual(seqs(), [], 'the state does not have them');
    release.durable(watermarks({ UA: 2 }));
    await settled();
    assert.deepEqual(seqs(), [1, 2]);
    release.durable(watermarks({ UA: 9 }));
    await settled();
    assert.deepEqual(seqs(), [1, 2, 3]);
    release.handedOver([chunkOf('UA', 8), chunkOf('UA', 10)]);
    await settled();
    assert.deepEqual(seqs(), [1, 2, 3, 8], 'the other way round');
  });

  it('lets go at start of what the state had when the process stopped', async () => {
    durableAtStart = { UA: 5 };
    const release = open();
    release.handedOver([chunkOf('UA', 4), chunkOf('UA', 6)]);
    await settled();
    assert.deepEqual(seqs(), [4]);
  });

  it('asks for the chunks of one partition at a time, each once', async () => {
    const release = open();
    release.handedOver([chunkOf('UA/events', 1), chunkOf('UA/events', 3)]);
    release.handedOver([chunkOf('UA/user-properties', 2)]);
    release.durable(watermarks({ UA: 3 }));
    release.durable(watermarks({ UA: 4 }));
    await settled();
    assert.deepEqual(
      removed.map((chunks) => chunks.map(({ stream, seq }) => `${stream} ${seq}`)),
      [['events 1', 'events 3'], ['user-properties 2']],
    );
  });

  it('says that a chunk could not be deleted, and goes on', async () => {
    const release = open(([first]) =>
      first?.seq === 1 ? Promise.reject(new Error('full')) : Promise.resolve(),
    );
    release.handedOver([chunkOf('UA', 1)]);
    release.durable(watermarks({ UA: 1 }));
    release.handedOver([chunkOf('DL', 2)]);
    release.durable(watermarks({ DL: 2 }));
    await settled();
    assert.deepEqual([errors.map(String), seqs()], [['Error: full'], [2]]);
  });

  it('lets go of nothing too early, of everything in the end, and of no tenant for another’s sake', async () => {
    const partition = fc.constantFrom('UA/events', 'UA/user-properties', 'DL/events');
    const step = fc.oneof(partition, fc.constantFrom('durable UA', 'durable DL', 'handed'));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        removed = [];
        const release = open();
        const waiting: Chunk[] = [];
        const handed = new Set<number>();
        const durable: Record<string, number> = { UA: 0, DL: 0 };
        const all: Chunk[] = [];
        const check = async (): Promise<void> => {
          await settled();
          const due = all.filter(({ seq, tenant }) => handed.has(seq) && seq <= durable[tenant]!);
          assert.deepEqual(
            seqs().sort((a, b) => a - b),
            due.map(({ seq }) => seq),
          );
        };
        for (const each of steps) {
          if (each === 'handed') {
            const chunk = waiting.shift();
            if (chunk === undefined) continue;
            handed.add(chunk.seq);
            release.handedOver([chunk]);
          } else if (each.startsWith('durable ')) {
            const tenant = each.slice('durable '.length);
            durable[tenant] = all.length;
            release.durable(watermarks({ [tenant]: all.length }));
          } else {
            const chunk = chunkOf(each, all.length + 1);
            all.push(chunk);
            waiting.push(chunk);
          }
          await check();
        }
      }),
      { numRuns: 100 },
    );
  });
});
