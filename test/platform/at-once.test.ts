import assert from 'node:assert/strict';
import { atOnce } from '../../src/platform/at-once.js';

describe('work on many things, some at once', () => {
  const turn = (): Promise<void> => new Promise(setImmediate);

  it('takes each once, in order, and no more at once than are allowed', async () => {
    const begun: number[] = [];
    let [now, most] = [0, 0];
    await atOnce(3, [1, 2, 3, 4, 5, 6, 7], async (item) => {
      begun.push(item);
      most = Math.max(most, ++now);
      await turn();
      now--;
    });
    assert.deepEqual([begun, most, now], [[1, 2, 3, 4, 5, 6, 7], 3, 0]);
    await atOnce(3, [], () => Promise.reject(new Error('there is nothing to do')));
  });

  it('begins nothing more once one has failed', async () => {
    const begun: number[] = [];
    const working = atOnce(2, [1, 2, 3, 4, 5], async (item) => {
      begun.push(item);
      await turn();
      if (item === 1) throw new Error('the first fails');
    });
    await assert.rejects(working, /the first fails/);
    for (let n = 0; n < 5; n++) await turn();
    assert.deepEqual(begun, [1, 2]);
  });
});
