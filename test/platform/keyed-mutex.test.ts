import assert from 'node:assert/strict';
import { KeyedMutex } from '../../src/platform/keyed-mutex.js';

describe('a mutex with keys', () => {
  /** Work that ends when it is told to. */
  function work(did: string[], name: string) {
    let end!: (error?: Error) => void;
    const ended = new Promise<void>(
      (resolve, reject) => (end = (error) => (error ? reject(error) : resolve())),
    );
    const run = async (): Promise<string> => {
      did.push(`${name} begins`);
      await ended;
      did.push(`${name} ends`);
      return name;
    };
    return { run, end };
  }

  it('begins work under a key when the earlier has ended, and does not keep other keys waiting', async () => {
    const did: string[] = [];
    const mutex = new KeyedMutex();
    const [first, second, other] = ['first', 'second', 'other'].map((name) => work(did, name)) as [
      ReturnType<typeof work>,
      ReturnType<typeof work>,
      ReturnType<typeof work>,
    ];
    const both = [mutex.run('a', first.run), mutex.run('a', second.run)];
    second.end();
    other.end();
    assert.equal(await mutex.run('b', other.run), 'other');
    assert.deepEqual(did, ['first begins', 'other begins', 'other ends']);
    first.end();
    assert.deepEqual(await Promise.all(both), ['first', 'second']);
    assert.deepEqual(did.slice(3), ['first ends', 'second begins', 'second ends']);
  });

  it('goes on after work that failed, whose error its own caller gets alone', async () => {
    const did: string[] = [];
    const mutex = new KeyedMutex();
    const [bad, good] = [work(did, 'bad'), work(did, 'good')];
    const failing = mutex.run('a', bad.run);
    const following = mutex.run('a', good.run);
    bad.end(new Error('no'));
    good.end();
    await assert.rejects(failing, /^Error: no$/);
    assert.equal(await following, 'good');
  });

  it('is idle when all that was handed in has ended, well or badly', async () => {
    const did: string[] = [];
    const mutex = new KeyedMutex();
    await mutex.idle();
    const [bad, good] = [work(did, 'bad'), work(did, 'good')];
    const failing = assert.rejects(mutex.run('a', bad.run));
    void mutex.run('b', good.run);
    const idle = mutex.idle().then(() => did.push('idle'));
    bad.end(new Error('no'));
    await failing;
    assert.ok(!did.includes('idle'));
    good.end();
    await idle;
    assert.deepEqual(did.slice(-2), ['good ends', 'idle']);
  });
});
