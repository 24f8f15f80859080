import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lockSpool, spoolLockPath } from '../../src/ingest/spool-lock.js';
import { canUnshare, startHolder, type LockHolder } from '../support/lock-holder.js';
import { useTempDir } from '../support/temp-dir.js';

describe('the lock of a spool', function () {
  this.timeout(20_000);
  const dir = useTempDir();
  let owner: LockHolder | undefined;

  afterEach(async () => {
    await owner?.kill();
    owner = undefined;
  });

  async function lockElsewhere(apart = false): Promise<LockHolder> {
    owner = startHolder(spoolLockPath(dir()), { apart });
    assert.equal(await owner.take(), 'held');
    return owner;
  }

  it('keeps a second process out, and names the first and its host', async () => {
    const { pid } = await lockElsewhere();
    await assert.rejects(lockSpool(dir()), {
      code: 'DATA_DIR_IN_USE',
      message: new RegExp(`used by process ${pid} on host ${hostname()} \\(since `),
    });
  });

  it('keeps a process out that is in another container', async function () {
    if (!canUnshare()) {
      console.log('      skipped: this user may not make pid namespaces (unshare)');
      this.skip();
    }
    await lockElsewhere(true);
    await assert.rejects(lockSpool(dir()), { code: 'DATA_DIR_IN_USE' });
  });

  it('is given back', async () => {
    (await lockSpool(dir()))();
    (await lockSpool(dir()))();
  });

  it('is waited for while the process that held it ends, and taken within three seconds', async () => {
    const { kill } = await lockElsewhere();
    const began = performance.now();
    const locking = lockSpool(dir());
    await kill();
    (await locking)();
    assert.ok(performance.now() - began < 3_000);
  });

  it('is taken over where an earlier version, or a power cut, has left a file', async () => {
    mkdirSync(dir(), { recursive: true });
    for (const left of ['', '{', JSON.stringify({ pid: process.pid, startedAt: '' })]) {
      writeFileSync(join(dir(), 'owner.json'), left);
      (await lockSpool(dir()))();
    }
  });
});
