import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describeOwner, isLocked, lockFile, readOwner, tryLockFile } from '../../src/platform/file-lock.js';
import { canUnshare, startHolder, type LockHolder } from '../support/lock-holder.js';
import { useTempDir } from '../support/temp-dir.js';

describe('the lock of a file', function () {
  this.timeout(30_000);
  const dir = useTempDir();
  const path = (): string => join(dir(), 'spool', 'owner.json');
  let holders: LockHolder[] = [];

  function holder(...args: Parameters<typeof startHolder>): LockHolder {
    const started = startHolder(...args);
    holders.push(started);
    return started;
  }

  const refused = (owner: ReturnType<typeof readOwner>): Error => new Error(`has ${describeOwner(owner)}`);
  const take = (waitMs = 0) => lockFile(path(), { held: refused, waitMs });

  afterEach(async () => {
    for (const each of holders) await each.kill();
    holders = [];
  });

  it('is had by one at a time, in one process as well', async () => {
    const lock = tryLockFile(path());
    assert.ok(lock !== undefined && isLocked(path()));
    assert.equal(tryLockFile(path()), undefined);
    lock.release();
    lock.release();
    assert.equal(isLocked(path()), false);
    (await take()).release();
  });

  it('names its holder by process, host and since when', async () => {
    const other = holder(path());
    assert.equal(await other.take(), 'held');
    await assert.rejects(take(), (error: Error) => {
      assert.match(error.message, /^has process \d+ on host \S+ \(since \d{4}-\d\d-\d\dT[\d:.]+Z\)$/);
      assert.ok(error.message.includes(`process ${other.pid} on host ${hostname()}`));
      return true;
    });
    const { boot, directory } = readOwner(path()) ?? {};
    assert.equal(directory, join(dir(), 'spool'));
    assert.equal(boot, readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  });

  it('is free within three seconds of a SIGKILL, although a child of the killed one lives on', async () => {
    const other = holder(path());
    assert.equal(await other.take(), 'held');
    const child = await other.spawnChild();
    try {
      const killed = other.kill();
      const began = performance.now();
      (await take(3_000)).release();
      assert.ok(performance.now() - began < 3_000);
      await killed;
      process.kill(child, 0);
    } finally {
      process.kill(child, 'SIGKILL');
    }
  });

  it('is kept by a process that is stopped while it holds it', async () => {
    const other = holder(path());
    assert.equal(await other.take(), 'held');
    other.signal('SIGSTOP');
    await other.stopped();
    await assert.rejects(take(200), /has process/);
    other.signal('SIGCONT');
    assert.equal(await other.release(), 'released');
    (await take()).release();
  });

  it('is kept by a process that was stopped before it wrote who it is', async () => {
    mkdirSync(join(dir(), 'spool'));
    writeFileSync(path(), '{"pid":1,"ho');
    const other = holder(path(), { stopAt: 'after-lock' });
    other.begin();
    await other.stopped();
    await assert.rejects(take(200), /^Error: has another process$/);
    other.signal('SIGCONT');
    assert.equal(await other.answer(), 'held');
  });

  it('is refused to a process that was stopped before it took it, and that comes late', async () => {
    const late = holder(path(), { stopAt: 'before-lock' });
    late.begin();
    await late.stopped();
    const lock = await take();
    late.signal('SIGCONT');
    assert.match(await late.answer(), new RegExp(`^refused: process ${process.pid} `));
    lock.release();
  });

  it('is not shared with one who had opened a file that was deleted since', async () => {
    const late = holder(path(), { stopAt: 'before-lock' });
    late.begin();
    await late.stopped();
    rmSync(path());
    const lock = await take();
    late.signal('SIGCONT');
    assert.match(await late.answer(), /^refused/);
    lock.release();
  });

  it('is won by exactly one of many that run for it, in every round', async () => {
    const racing = Array.from({ length: 8 }, () => holder(path()));
    for (let round = 0; round < 25; round += 1) {
      const answers = await Promise.all(racing.map((each) => each.take()));
      const won = answers.flatMap((answer, index) => (answer === 'held' ? [index] : []));
      assert.equal(won.length, 1, `round ${round}: ${answers.join(', ')}`);
      await racing[won[0] as number]?.release();
    }
  });

  it('is won by one when its holder is killed while many wait for it', async () => {
    const racing = Array.from({ length: 6 }, () => holder(path()));
    const first = holder(path());
    await first.take();
    for (const each of racing) assert.match(await each.take(), /^refused/);
    await first.kill();
    const answers = await Promise.all(racing.map((each) => each.take()));
    assert.equal(answers.filter((answer) => answer === 'held').length, 1);
  });

  it('is another one in a copy of its directory', async () => {
    const other = holder(path());
    assert.equal(await other.take(), 'held');
    const copy = join(dir(), 'copy');
    cpSync(join(dir(), 'spool'), copy, { recursive: true });
    const lock = await lockFile(join(copy, 'owner.json'), { held: refused });
    assert.equal(readOwner(join(copy, 'owner.json'))?.pid, process.pid);
    lock.release();
    await assert.rejects(take(), new RegExp(`has process ${other.pid} `));
  });

  for (const left of ['', 'rubbish', '{', '{}', 'null', '[]', '-1', '{"pid":-1}', '{"pid":1,"host":"a"}'])
    it(`is taken where ${JSON.stringify(left)} was left in its file`, async () => {
      mkdirSync(join(dir(), 'spool'));
      writeFileSync(path(), left);
      const lock = await take();
      assert.equal(readOwner(path())?.pid, process.pid);
      lock.release();
      assert.equal(readFileSync(path(), 'utf8'), '');
    });

  it('says nothing of what somebody has written into its file for a terminal', () => {
    mkdirSync(join(dir(), 'spool'));
    writeFileSync(path(), JSON.stringify({ pid: 1, host: '\u001b[2Jevil\nhost', since: '\u001b[0m' }));
    assert.equal(describeOwner(readOwner(path())), 'process 1 on host ??2Jevil?host');
  });

  it('binds a process in another pid namespace, both ways, and ends with it', async function () {
    if (!canUnshare()) {
      console.log('      skipped: this user may not make pid namespaces (unshare)');
      this.skip();
    }
    const apart = holder(path(), { apart: true });
    assert.equal(await apart.take(), 'held');
    await assert.rejects(take(300), /has process \d+ on host/);
    const alsoApart = holder(path(), { apart: true });
    assert.match(await alsoApart.take(), /^refused/);
    await apart.kill();
    const lock = await take(3_000);
    assert.match(await alsoApart.take(), new RegExp(`^refused: process ${process.pid} `));
    lock.release();
    assert.equal(await alsoApart.take(), 'held');
  });
});
