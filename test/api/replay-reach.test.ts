import assert from 'node:assert/strict';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createReachOf } from '../../src/api/replay-reach.js';
import type { Stream } from '../../src/event.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { parseTenantConfig } from '../../src/tenant-config/parse.js';
import { compileTenant } from '../../src/tenant-config/tenant-file.js';
import { useTempDir } from '../support/temp-dir.js';

describe('how far back replay reaches', () => {
  const dir = useTempDir();

  it('is the oldest event of all nodes and both streams, whatever their names', async () => {
    const store = createFileBatchStore(join(dir(), 'batches'));
    const write = (batchId: string, at: string, stream: Stream = 'events') =>
      store.write(
        { tenant: 'UA', stream, batchId },
        gzipSync(`${JSON.stringify({ id: 'e', received_at: at })}\n`),
        1,
      );
    let clock = 0;
    const reachOf = createReachOf(store, () => (clock += 5_000));
    const text = JSON.stringify({ tenant: 'UA' });
    const loaded = await compileTenant(parseTenantConfig(text, 'UA.yaml'), text);
    assert.equal((await reachOf(loaded)).keptSince, undefined);
    await write('20240310-00000000-00000009z', '2024-03-10T14:58:27.057Z');
    await write('20240310-9123abcd-000000001', '2024-03-10T14:38:50.000Z');
    await write('20240310-9123abcd-000000002', '2024-03-10T14:00:00.000Z');
    assert.equal((await reachOf(loaded)).keptSince, '2024-03-10T14:38:50.000Z');
    await write('20240310-9123abcd-000000001', '2024-03-10T14:30:00.000Z', 'user-properties');
    assert.equal((await reachOf(loaded)).keptSince, '2024-03-10T14:30:00.000Z');
  });
});
