import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Spool } from '../../src/ingest/spool.js';
import { failingSync } from '../support/failing-sync.js';
import { useTempDir } from '../support/temp-dir.js';

const FIXTURE = fileURLToPath(new URL('spool-sync.fixture.ts', import.meta.url));
const run = promisify(execFile);

/** What the fixture prints. */
interface Appended {
  readonly kept: number[];
  readonly keptBefore: number;
  readonly keptUnflushed: number;
  readonly refusals: string[];
  readonly open: number;
}

describe('the spool, on a disk whose flushes fail for a while', function () {
  this.timeout(30_000);
  const dir = useTempDir();

  it('refuses what is not on disk, answers every append, and keeps those it did not refuse', async function () {
    const disk = failingSync(dir(), '/spool/data.mdb', this);
    const directory = join(dir(), 'spool');
    const args = ['--import', 'tsx', FIXTURE, directory, disk.env['FAILING_SYNC'] as string];
    const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...disk.env } });
    const { kept, keptBefore, keptUnflushed, refusals, open } = JSON.parse(stdout) as Appended;
    assert.deepEqual(
      { refusals, keptUnflushed, open },
      { refusals: ['DISK_FULL'], keptUnflushed: 0, open: 0 },
    );
    assert.ok(kept.length > keptBefore, 'and goes on once they work again');
    const spool = new Spool(directory);
    const held = new Set([...spool.held()].map(({ seq }) => seq));
    assert.deepEqual(
      kept.filter((seq) => !held.has(seq)),
      [],
    );
    await spool.close();
  });
});
