import assert from 'node:assert/strict';
import { inTurns } from '../../src/api/in-turns.js';

/** Holds the process for so long. */
function busy(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

describe('work that is done in turns', () => {
  it('is done at once where it is short', () => {
    const done: number[] = [];
    assert.equal(
      inTurns(3, (index) => void done.push(index)),
      undefined,
    );
    assert.deepEqual(done, [0, 1, 2]);
    assert.equal(
      inTurns(0, () => assert.fail()),
      undefined,
    );
  });

  it('lets others have their turn where it is long, and is done in order', async () => {
    const done: number[] = [];
    const turns: number[] = [];
    const work = inTurns(40, (index) => {
      busy(3);
      done.push(index);
    });
    assert.ok(work !== undefined);
    const others = setInterval(() => turns.push(done.length), 1);
    await work;
    clearInterval(others);
    assert.deepEqual(
      done,
      Array.from({ length: 40 }, (_, n) => n),
    );
    assert.ok(turns.length >= 5, `${turns.length} turns of others`);
  });

  it('fails as a step fails', async () => {
    const fail = (index: number): void => {
      busy(3);
      if (index === 9) throw new Error('no');
    };
    await assert.rejects(async () => inTurns(20, fail), /no/);
  });
});
