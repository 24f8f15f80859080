import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkDataDirectory } from '../../src/commands/check-data-directory.js';
import { useTempDir } from '../support/temp-dir.js';

describe('headgate doctor, of the data directory', () => {
  const dir = useTempDir();

  it('warns of one that others can look into, with the command that closes it', async function () {
    if (process.platform === 'win32') return this.skip();
    const dataDir = join(dir(), 'data');
    mkdirSync(dataDir);
    for (const mode of [0o755, 0o750, 0o701]) {
      chmodSync(dataDir, mode);
      const { verdict, found, fix } = await checkDataDirectory({ dataDir });
      assert.equal(verdict, 'warn', mode.toString(8));
      assert.match(found, /others can look into .*: events, and secrets of tenants/);
      assert.equal(fix, `chmod 700 ${dataDir}`);
    }
    chmodSync(dataDir, 0o700);
    const { found } = await checkDataDirectory({ dataDir });
    assert.match(found, /can be written, a flush to disk takes/);
    assert.deepEqual(readdirSync(dataDir), []);
  });

  it('makes none that is not there', async () => {
    await checkDataDirectory({ dataDir: join(dir(), 'none', 'yet') });
    assert.deepEqual(readdirSync(dir()), []);
  });
});
