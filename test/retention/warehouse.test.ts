import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createLogger } from '../../src/platform/logger.js';
import { Retention } from '../../src/retention/retention.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { openTenantRegistry } from '../../src/tenants/config/registry.js';
import { event, Fixture } from '../stores/warehouse/fixture.js';

const DAY = 24 * 60 * 60 * 1000;

describe('the retention of a warehouse', function () {
  this.timeout(30_000);
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
  });
  afterEach(() => fixture.close());

  it('is each tenant’s own, as its file says; without one everything is kept', async () => {
    const dir = join(fixture.dir, 'tenants');
    mkdirSync(dir);
    writeFileSync(join(dir, 'UA.yaml'), 'tenant: UA\nwarehouse: { retention: 40 days }\n');
    writeFileSync(join(dir, 'DL.yaml'), 'tenant: DL\nwarehouse: { retention: 41 days }\n');
    writeFileSync(join(dir, 'AA.yaml'), 'tenant: AA\n');
    for (const tenant of ['UA', 'DL', 'AA']) await fixture.put(1, [event('a')], 'events', tenant);
    const registry = await openTenantRegistry({ dir });
    const sweep = (now: number) =>
      new Retention({
        // There is nothing to ask Temporal about.
        client: new Client({ connection: Connection.lazy() }),
        batchStore: createFileBatchStore(join(fixture.dir, 'kept')),
        deliveryLogs: join(fixture.dir, 'deliveries'),
        quarantine: join(fixture.dir, 'quarantine'),
        warehouse: fixture.root,
        log: createLogger('silent'),
        registry,
        now: () => now,
      }).sweep();
    const count = (tenant: string) => fixture.rows('SELECT count(*) FROM events', tenant);
    try {
      await sweep(Date.parse('2024-03-11') + 40 * DAY);
      assert.deepEqual([await count('UA'), await count('DL'), await count('AA')], [[[0]], [[1]], [[1]]]);
      await sweep(Date.parse('2024-03-11') + 41 * DAY);
      assert.deepEqual([await count('UA'), await count('DL'), await count('AA')], [[[0]], [[0]], [[1]]]);
    } finally {
      await registry.close();
    }
  });
});
