import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ChunkQueue } from '../../src/events/chunk-queue.js';
import { chunkOf } from '../support/batches.js';

describe('the queue of chunks', () => {
  it('gives out what came first, whatever is pushed and taken when', () => {
    const steps = fc.array(fc.oneof(fc.constant('push' as const), fc.record({ take: fc.nat(5) })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new ChunkQueue();
        const plain: number[] = [];
        let seq = 0;
        for (const step of all) {
          if (step === 'push') {
            plain.push(++seq);
            queue.push(chunkOf('UA', seq));
          } else {
            const taken = queue.take(step.take).map((chunk) => chunk.seq);
            assert.deepEqual(taken, plain.splice(0, step.take));
          }
          assert.equal(queue.length, plain.length);
          assert.equal(queue.first?.seq, plain[0]);
          assert.deepEqual(
            [...queue].map((chunk) => chunk.seq),
            plain,
          );
        }
      }),
    );
  });

  it('is empty at first, and gives no more than it has', () => {
    const queue = new ChunkQueue();
    assert.deepEqual([queue.length, queue.first, [...queue], queue.take(3)], [0, undefined, [], []]);
    queue.push(chunkOf('UA', 1));
    assert.equal(queue.take(3).length, 1);
    assert.deepEqual([queue.length, queue.first], [0, undefined]);
  });
});
