import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogFields } from '../../src/platform/logger.js';
import { openLoadClaims } from '../../src/roles/stores.js';
import { openWarehouses, watchWarehouses } from '../../src/roles/warehouses.js';
import { openTenantRegistry, type TenantRegistry } from '../../src/tenants/config/registry.js';
import { BigQueryServer } from '../support/bigquery-server.js';
import { until } from '../support/until.js';
import { batchId, event, Fixture } from '../stores/warehouse/fixture.js';

const BIGQUERY = { kind: 'bigquery', project: 'headgate-test', location: 'EU' };

describe('the warehouses of tenants', () => {
  let server: BigQueryServer;
  let fixture: Fixture;
  let registry: TenantRegistry;
  let endpoint: string;

  beforeEach(async () => {
    server = new BigQueryServer();
    endpoint = await server.listen();
    fixture = new Fixture();
    mkdirSync(join(fixture.dir, 'tenants'));
    write({ kind: 'parquet' });
    registry = await openTenantRegistry({ dir: join(fixture.dir, 'tenants') });
  });
  afterEach(async () => {
    await registry.close();
    await fixture.close();
    server.close();
  });

  const write = (warehouse: object): void =>
    writeFileSync(join(fixture.dir, 'tenants', 'UA.yaml'), JSON.stringify({ tenant: 'UA', warehouse }));
  const apply = async (warehouse: object): Promise<void> => {
    const before = registry.get('UA');
    write(warehouse);
    await until(() => assert.notEqual(registry.get('UA'), before), 10_000);
  };

  it('are looked up when a load runs: a tenant that is given another goes on there', async () => {
    const config = { dataDir: fixture.dir, bigQueryEndpoint: endpoint, batchKeys: {} };
    await fixture.warehouse.close();
    fixture.warehouse = openWarehouses({ config, registry, claims: await openLoadClaims(config) });
    const batches = [1, 2, 3].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
    await fixture.load('w1', batches.slice(0, 1));
    await apply(BIGQUERY);
    await fixture.load('w2', batches.slice(1, 2));
    await apply({ kind: 'parquet' });
    await fixture.load('w3', batches.slice(2));
    assert.deepEqual(await fixture.rows('SELECT id FROM events ORDER BY id'), [['e1'], ['e3']]);
    assert.deepEqual(
      server.asked.flatMap(({ lines }) => lines.map((line) => (JSON.parse(line) as { id: string }).id)),
      ['e2'],
    );
    await assert.rejects(fixture.load('w4', batches, { tenant: 'DL' }), { code: 'TENANT_UNKNOWN' });
  });

  it('that are not where they should be are reported, at the start and when a tenant changes', async () => {
    const said: string[] = [];
    const say = (id: string, { tenant, reason }: LogFields = {}): void =>
      void said.push(`${id} ${String(tenant)}: ${String(reason)}`);
    const log = { error: say, warn: say };
    watchWarehouses({ config: { bigQueryEndpoint: endpoint }, registry, log });
    await apply(BIGQUERY);
    await until(() => assert.ok(server.asked.length > 0), 10_000);
    server.resources.set('datasets/headgate_UA', { location: 'US' });
    await apply({ ...BIGQUERY, window: '2m' });
    await until(
      () => assert.match(said.join('\n'), /^WAREHOUSE_UNUSABLE UA: .*headgate_UA is in US, .* says EU/),
      10_000,
    );
    said.length = 0;
    server.refuse = () => ({ status: 503, reason: 'backendError' });
    watchWarehouses({ config: { bigQueryEndpoint: endpoint }, registry, log });
    await until(() => assert.match(said.join('\n'), /^WAREHOUSE_AWAY UA: .*HTTP 503/), 10_000);
  });
});
