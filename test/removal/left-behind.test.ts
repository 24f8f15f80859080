import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeadgateError } from '../../src/errors.js';
import { assertNothingLeft, leftBehind } from '../../src/removal/left-behind.js';
import { dataPaths } from '../../src/roles/stores.js';
import type { LoadedTenant, TenantToApply } from '../../src/tenants/config/registry.js';
import { useTempDir } from '../support/temp-dir.js';

describe('what is left of a tenant', () => {
  const dir = useTempDir();
  const paths = () => dataPaths(dir());
  const left = (tenant: string) => leftBehind(paths(), tenant).map(({ path }) => path);

  const toApply = (tenant: string, isThere = false): TenantToApply => ({
    loaded: { config: { tenant } } as LoadedTenant,
    isThere,
  });

  it('is what lies under its name, and a configuration that has been in force', async () => {
    assert.deepEqual(left('UA'), []);
    const versions = join(paths().tenantVersions, 'UA');
    await mkdir(versions, { recursive: true });
    await writeFile(join(versions, '0123456789ab.yaml'), 'tenant: UA');
    assert.deepEqual(left('UA'), []);
    await writeFile(join(versions, 'in-force.ndjson'), '');
    assert.deepEqual(left('UA'), [versions]);
    await mkdir(join(paths().warehouse, 'UA', 'events'), { recursive: true });
    assert.deepEqual(left('UA'), [join(paths().warehouse, 'UA'), versions]);
    await mkdir(paths().sources);
    await writeFile(join(paths().sources, 'UA.json'), '{}');
    assert.deepEqual(left('UA'), [join(paths().warehouse, 'UA'), join(paths().sources, 'UA.json'), versions]);
    assert.deepEqual(left('U'), []);
    assert.throws(() => left('../UA'), { code: 'TENANT_ID_INVALID' });
  });

  it('keeps a tenant that is not configured from being applied, and says of each what there is', async () => {
    for (const tenant of ['UA', 'DL']) await mkdir(join(paths().batches, tenant), { recursive: true });
    assertNothingLeft(paths(), [toApply('AA'), toApply('UA', true)]);
    assert.throws(
      () => assertNothingLeft(paths(), [toApply('AA'), toApply('UA'), toApply('DL')]),
      (error: HeadgateError) => {
        assert.equal(error.code, 'STATE_CONFLICT');
        assert.match(error.message, /^Nothing is applied: UA, DL is not configured now, and was before\.\n/);
        for (const part of [join(paths().batches, 'DL'), '--keep-data', 'headgate tenant remove UA --data'])
          assert.ok(error.message.includes(part), part);
        return true;
      },
    );
  });
});
