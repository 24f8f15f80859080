import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { createReplays } from '../../src/api/replays.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { parseTenantConfig } from '../../src/tenant-config/parse.js';
import type { LoadedTenant } from '../../src/tenant-config/registry.js';
import { useTempDir } from '../support/temp-dir.js';

describe('how far back replay reaches', () => {
  const dir = useTempDir();

  it('is told without opening a batch for each who asks, or listing a day again within five seconds', async () => {
    const store = createFileBatchStore(dir());
    const config = parseTenantConfig('tenant: UA', 'UA.yaml');
    const tenant = { config } as LoadedTenant;
    let [opened, listed, now] = [0, 0, 0];
    const replays = createReplays({
      ...{ client: new Client({ connection: Connection.lazy() }), namespace: 'none' },
      batchStore: {
        list: (range) => (listed++, store.list(range)),
        days: (id, stream) => store.days(id, stream),
        deletedThrough: (id) => store.deletedThrough(id),
        open: (name) => (opened++, store.open(name)),
      },
      tenantOf: () => tenant,
      versionOf: () => Promise.resolve(tenant),
      now: () => now,
    });
    assert.equal((await replays.reach('UA')).keptSince, undefined);
    const write = (batchId: string, receivedAt: string) =>
      store.write(
        { tenant: 'UA', stream: 'events', batchId },
        gzipSync(`${JSON.stringify({ received_at: receivedAt })}\n`),
        1,
      );
    await write('20240310-0123abcd-000000002', '2024-03-10T12:00:00.000Z');
    for (let n = 0; n < 5; n++)
      assert.equal((await replays.reach('UA')).keptSince, '2024-03-10T12:00:00.000Z');
    assert.deepEqual([opened, listed], [1, 1]);
    now += 5_000;
    await store.delete({ tenant: 'UA', stream: 'events', batchId: '20240310-0123abcd-000000002' });
    await write('20240311-0123abcd-000000003', '2024-03-11T12:00:00.000Z');
    assert.equal((await replays.reach('UA')).keptSince, '2024-03-11T12:00:00.000Z');
  });
});
