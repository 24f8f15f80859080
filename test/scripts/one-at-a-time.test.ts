import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';

const MODULE = new URL('../../scripts/one-at-a-time.mjs', import.meta.url).href;

/** As its own JSDoc says; scripts have no types. */
interface Module {
  oneAtATime<T>(name: string, work: () => Promise<T>, onWait?: () => void): Promise<T>;
}

describe('what only one process may do at a time', () => {
  let oneAtATime: Module['oneAtATime'];

  before(async () => {
    ({ oneAtATime } = (await import(MODULE)) as Module);
  });

  it('is done by one after another, and who waits is told so', async () => {
    const name = randomUUID();
    const seen: string[] = [];
    const run = (who: string, error?: Error) =>
      oneAtATime(
        name,
        async () => {
          seen.push(`${who} begins`);
          await new Promise(setImmediate);
          seen.push(`${who} ends`);
          if (error !== undefined) throw error;
        },
        () => seen.push(`${who} waits`),
      );
    await Promise.all([assert.rejects(run('a', new Error('no network')), /no network/), run('b'), run('c')]);
    const work = seen.filter((each) => !each.endsWith('waits'));
    assert.equal(seen.length, work.length + 2);
    for (let at = 0; at < work.length; at += 2)
      assert.equal(work[at + 1], work[at]?.replace('begins', 'ends'), seen.join());
    assert.equal(work.length, 6);
  });

  it('is the next one’s when a process is killed that does it', async () => {
    const name = randomUUID();
    const script = `import { oneAtATime } from '${MODULE}';
      await oneAtATime('${name}', () => { console.log('at work'); return new Promise(() => setInterval(() => {}, 1e6)); });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    let waited = false;
    const next = oneAtATime(
      name,
      () => Promise.resolve('done'),
      () => {
        waited = true;
        child.kill('SIGKILL');
      },
    );
    assert.equal(await next, 'done');
    assert.ok(waited);
  });
});
