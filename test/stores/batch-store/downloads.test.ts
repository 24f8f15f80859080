import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Downloads, sweepDownloads, writeCopy } from '../../../src/stores/batch-store/downloads.js';
import { canUnshare, startHolder, type LockHolder } from '../../support/lock-holder.js';
import { useTempDir } from '../../support/temp-dir.js';

describe('the place of downloads', function () {
  this.timeout(20_000);
  const dir = useTempDir();
  const holders: LockHolder[] = [];

  afterEach(async () => {
    for (const holder of holders.splice(0)) await holder.kill();
  });

  /** Those that have been granted, in that order. */
  function opener(downloads: Downloads) {
    const granted: string[] = [];
    const open = async (name: string, bytes: number, signal?: AbortSignal) => {
      const opened = await downloads.open(bytes, signal);
      granted.push(name);
      return opened;
    };
    return { granted, open };
  }

  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

  it('holds so many bytes at once; who wants more waits, in order', async () => {
    const { granted, open } = opener(new Downloads(dir(), 100));
    const first = await open('first', 60);
    const second = open('second', 60);
    const third = open('third', 10);
    await settle();
    assert.deepEqual(granted, ['first'], 'small wishes do not overtake big ones');
    await first.release();
    await first.release();
    await Promise.all([second, third]);
    const fourth = open('fourth', 40);
    await settle();
    assert.deepEqual(granted.slice().sort(), ['first', 'second', 'third']);
    for (const each of [second, third, fourth]) await (await each).release();
    assert.deepEqual(readdirSync(dir()), []);
  });

  it('grants alone what is bigger than there is room', async () => {
    const { granted, open } = opener(new Downloads(dir(), 100));
    const small = await open('small', 1);
    const big = open('big', 1_000);
    await settle();
    assert.deepEqual(granted, ['small']);
    await small.release();
    const next = open('next', 1);
    await (await big).release();
    await (await next).release();
  });

  it('lets those go who do not want to wait any more, and the next ones on', async () => {
    const { granted, open } = opener(new Downloads(dir(), 100));
    const first = await open('first', 60);
    const leaving = new AbortController();
    const second = open('second', 60, leaving.signal);
    const third = open('third', 40);
    leaving.abort(new Error('cancelled'));
    await assert.rejects(second, /cancelled/);
    await third;
    assert.deepEqual(granted, ['first', 'third']);
    await assert.rejects(open('late', 1, leaving.signal), /cancelled/);
    await first.release();
  });

  it('removes what a process has left that was killed, and no copy that is being read', async () => {
    for (const name of ['files-old', 'files-new']) {
      mkdirSync(join(dir(), name));
      writeFileSync(join(dir(), name, 'x'), '');
    }
    const twoDaysAgo = new Date(Date.now() - 48 * 3_600_000);
    utimesSync(join(dir(), 'files-old'), twoDaysAgo, twoDaysAgo);
    const { path, release } = await new Downloads(dir()).open(1);
    await writeCopy(join(path, '0', 'copy'), Buffer.from('x'));
    assert.deepEqual(
      [existsSync(join(dir(), 'files-old')), existsSync(join(dir(), 'files-new'))],
      [false, true],
    );
    await release();
    assert.equal(existsSync(path), false);
  });

  it('removes at once what a process has left, in whatever container, and nothing of one that runs', async () => {
    const leave = async (name: string, apart: boolean): Promise<LockHolder> => {
      const holder = startHolder(join(dir(), `${name}.lock`), { apart });
      holders.push(holder);
      assert.equal(await holder.take(), 'held');
      mkdirSync(join(dir(), name));
      writeFileSync(join(dir(), name, 'x'), '');
      return holder;
    };
    const dead = await leave('files-dead', false);
    await leave('files-running', false);
    // Stands in for a container; where there are none, it is one more process.
    await leave('files-apart', canUnshare());
    await dead.kill();
    await sweepDownloads(dir());
    const names = ['files-apart', 'files-running'].flatMap((name) => [name, `${name}.lock`]);
    assert.deepEqual(readdirSync(dir()).sort(), names);
    const { path, release } = await new Downloads(dir()).open(1);
    await sweepDownloads(dir());
    assert.ok(existsSync(path));
    await release();
    assert.deepEqual(readdirSync(dir()).sort(), names);
    await sweepDownloads(join(dir(), 'none'));
  });

  it('gives no two the same directory while others sweep', async () => {
    const downloads = new Downloads(dir());
    for (let round = 0; round < 20; round += 1) {
      const opened = await Promise.all([1, 2, 3].map(() => downloads.open(1)));
      await Promise.all([sweepDownloads(dir()), sweepDownloads(dir())]);
      for (const { path } of opened) assert.ok(existsSync(path));
      for (const { release } of opened) await release();
    }
    assert.deepEqual(readdirSync(dir()), []);
  });
});
