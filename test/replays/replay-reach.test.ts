import assert from 'node:assert/strict';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { createReachOf } from '../../src/replays/replay-reach.js';
import { createReplays } from '../../src/replays/replays.js';
import type { Stream } from '../../src/events/event.js';
import type { BatchStore } from '../../src/stores/batch-store/batch-store.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import type { LoadedTenant } from '../../src/tenants/config/registry.js';
import { useTempDir } from '../support/temp-dir.js';

describe('how far back replay reaches', () => {
  const dir = useTempDir();
  const tenant = { config: parseTenantConfig('tenant: UA', 'UA.yaml') } as LoadedTenant;
  let store: BatchStore;

  beforeEach(() => {
    store = createFileBatchStore(join(dir(), 'batches'));
  });

  const write = (batchId: string, at: string, stream: Stream = 'events') =>
    store.write(
      { tenant: 'UA', stream, batchId },
      gzipSync(`${JSON.stringify({ id: 'e', received_at: at })}\n`),
      1,
    );

  it('is the oldest event of all nodes and both streams, whatever their names', async () => {
    let clock = 0;
    const reachOf = createReachOf(store, () => (clock += 5_000));
    const keptSince = async () => (await reachOf(tenant)).keptSince;
    assert.equal(await keptSince(), undefined);
    await write('20240310-00000000-00000009z', '2024-03-10T14:58:27.057Z');
    await write('20240310-9123abcd-000000001', '2024-03-10T14:38:50.000Z');
    await write('20240310-9123abcd-000000002', '2024-03-10T14:00:00.000Z');
    assert.equal(await keptSince(), '2024-03-10T14:38:50.000Z');
    await write('20240310-9123abcd-000000001', '2024-03-10T14:30:00.000Z', 'user-properties');
    assert.equal(await keptSince(), '2024-03-10T14:30:00.000Z');
  });

  it('is told without opening a batch for each who asks, or listing a day again within five seconds', async () => {
    let [opened, listed, now] = [0, 0, 0];
    const replays = createReplays({
      client: new Client({ connection: Connection.lazy() }),
      namespace: 'none',
      node: '0123abcd',
      batchStore: {
        ...store,
        list: (range) => (listed++, store.list(range)),
        open: (name) => (opened++, store.open(name)),
      },
      spools: () => Promise.resolve([]),
      now: () => now,
      tenantOf: () => tenant,
      versionOf: () => Promise.resolve(tenant),
    });
    const keptSince = async () => (await replays.reach('UA')).keptSince;
    assert.equal(await keptSince(), undefined);
    await write('20240310-0123abcd-000000002', '2024-03-10T12:00:00.000Z');
    for (let n = 0; n < 5; n++) assert.equal(await keptSince(), '2024-03-10T12:00:00.000Z');
    assert.deepEqual([opened, listed], [1, 1]);
    now += 5_000;
    await store.delete({ tenant: 'UA', stream: 'events', batchId: '20240310-0123abcd-000000002' });
    await write('20240311-0123abcd-000000003', '2024-03-11T12:00:00.000Z');
    assert.equal(await keptSince(), '2024-03-11T12:00:00.000Z');
  });
});
