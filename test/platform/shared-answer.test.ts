import assert from 'node:assert/strict';
import { sharedAnswer } from '../../src/platform/shared-answer.js';

describe('an answer that is shared', () => {
  it('is asked for once by all that come meanwhile, and by those that come soon after', async () => {
    let asked = 0;
    const look = sharedAnswer(() => Promise.resolve(++asked), 60_000);
    assert.deepEqual(await Promise.all([look(), look(), look()]), [1, 1, 1]);
    assert.equal(await look(), 1);
  });

  it('is asked for again when it is old, or was a failure', async () => {
    let asked = 0;
    const old = sharedAnswer(() => Promise.resolve(++asked), 0);
    assert.deepEqual([await old(), await old()], [1, 2]);
    const failing = sharedAnswer(() => Promise.reject(new Error(`no ${++asked}`)), 60_000);
    await assert.rejects(failing(), /no 3/);
    await assert.rejects(failing(), /no 4/);
  });
});
