import assert from 'node:assert/strict';
import { tenantsInBigQuery } from '../../src/roles/load-budget.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import type { TenantRegistry } from '../../src/tenants/config/registry.js';

describe('the budget of load jobs', () => {
  it('is of those tenants alone whose loads are jobs', () => {
    const bigQuery = 'kind: bigquery, project: pro-ject, location: EU';
    const tenants = {
      files: 'warehouse: { window: 1s }',
      jobs: `warehouse: { ${bigQuery} }`,
      streams: `warehouse: { ${bigQuery}, writer: storage-write }`,
    };
    const list = Object.entries(tenants).map(([tenant, yaml]) => {
      return { config: parseTenantConfig(`tenant: ${tenant}\n${yaml}`, `${tenant}.yaml`) };
    });
    const registry = { list: () => list } as unknown as Pick<TenantRegistry, 'list'>;
    assert.deepEqual(tenantsInBigQuery(registry), [{ tenant: 'jobs', project: 'pro-ject' }]);
  });
});
