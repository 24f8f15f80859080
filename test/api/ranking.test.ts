import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Ranking } from '../../src/api/ranking.js';

describe('a ranking', () => {
  it('has everything in order, whatever goes up and down', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.boolean())), (steps) => {
        const ranking = new Ranking<number>();
        const numbers = new Map<number, number>();
        for (const [item, up] of steps) {
          const before = numbers.get(item) ?? 0;
          const after = Math.max(0, before + (up ? 1 : -1));
          ranking.move(item, before, after);
          numbers.set(item, after);
          const there = [...numbers].filter(([, number]) => number > 0);
          const ranked = [...ranking.descending()];
          assert.deepEqual([...ranked].sort(), there.map(([each]) => each).sort());
          assert.equal(ranking.most, Math.max(0, ...there.map(([, number]) => number)));
          const inOrder = ranked.map((each) => numbers.get(each) ?? 0);
          assert.deepEqual(
            inOrder,
            [...inOrder].sort((a, b) => b - a),
          );
        }
      }),
    );
  });
});
