import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { consequences } from '../../src/commands/apply-consequences.js';
import type { Config } from '../../src/config.js';
import { readConfigFile } from '../../src/tenants/config/tenant-file.js';
import { useTempDir } from '../support/temp-dir.js';

describe('what headgate tenant apply says of a change', () => {
  const dir = useTempDir();

  const loaded = async (more: object) => {
    const path = join(dir(), 'UA.yaml');
    await writeFile(path, JSON.stringify({ tenant: 'UA', ...more }));
    return readConfigFile(path);
  };
  const spent = (days: number) => ({ spent: { on: ['paid'], op: 'count', window: `${days} days` } });

  it('is what becomes of subscriptions that go and aggregates that change; of others nothing', async () => {
    const [jobs, more] = ['jobs', 'more'].map((name) => ({ name, kind: 'pull' }));
    const before = await loaded({ subscriptions: [jobs, more], aggregates: spent(7) });
    const after = await loaded({ subscriptions: [more], aggregates: spent(8) });
    const config = { dataDir: dir(), temporalNamespace: 'default' } as Config;
    assert.deepEqual(await consequences(config, { loaded: after, isThere: true, before }), [
      'subscription jobs is removed: what waits for it becomes dead letters (subscription-removed); Temporal cannot be asked now how much that is',
      'aggregate spent has another definition: it begins at 0 for every subject',
    ]);
    assert.deepEqual(await consequences(config, { loaded: after, isThere: true, before: after }), []);
    assert.deepEqual(await consequences(config, { loaded: after, isThere: false }), []);
  });
});
