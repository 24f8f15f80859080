import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyTenantFiles, openTenantRegistry } from '../../../src/tenants/config/registry.js';
import {
  keepVersion,
  listVersions,
  MAX_VERSIONS,
  readVersion,
} from '../../../src/tenants/config/versions.js';
import { useTempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';

const fileOf = (minutes: number) =>
  `tenant: UA\nrules: [{ name: late, on: [flight.arrived], when: "event.data.minutes >= ${minutes}" }]\n`;

describe('tenants/config/versions', () => {
  const root = useTempDir();
  const dir = () => join(root(), 'tenant-versions');

  it('keeps a file under the hash of its text, and gives its rules back', async () => {
    const version = await keepVersion(dir(), 'UA', fileOf(180), 1_000);
    assert.match(version, /^[0-9a-f]{12}$/);
    assert.equal(readFileSync(join(dir(), 'UA', `${version}.yaml`), 'utf8'), fileOf(180));
    assert.deepEqual(await listVersions(dir(), 'UA'), [{ version, appliedAt: 1_000 }]);
    const { config, rules, version: named } = await readVersion(dir(), 'UA', version);
    assert.deepEqual([config.tenant, rules.rules[0]?.name, named], ['UA', 'late', version]);
  });

  it('lists the one applied last first: one that comes back is not a second one', async () => {
    const first = await keepVersion(dir(), 'UA', fileOf(1), 1_000);
    const second = await keepVersion(dir(), 'UA', fileOf(2), 2_000);
    assert.equal(await keepVersion(dir(), 'UA', fileOf(1), 3_000), first);
    const listed = (await listVersions(dir(), 'UA')).map(({ version }) => version);
    assert.deepEqual(listed, [first, second]);
    assert.deepEqual(await listVersions(dir(), 'DL'), []);
  });

  it('is bounded: the ones applied longest ago go', async () => {
    const kept: string[] = [];
    for (let n = 0; n < MAX_VERSIONS + 3; n++)
      kept.push(await keepVersion(dir(), 'UA', fileOf(n), 1_000 * (n + 1)));
    const listed = (await listVersions(dir(), 'UA')).map(({ version }) => version);
    assert.deepEqual(listed, kept.slice(3).reverse());
    assert.equal(readdirSync(join(dir(), 'UA')).length, MAX_VERSIONS);
  });

  it('knows no other version, and makes no path of what is none', async () => {
    const version = await keepVersion(dir(), 'UA', fileOf(180));
    for (const unknown of ['0123456789ab', 'current', '../UA', `${version}.yaml`, '', `${version}\n`])
      await assert.rejects(readVersion(dir(), 'UA', unknown), { code: 'RULES_UNKNOWN' }, unknown);
    await assert.rejects(readVersion(dir(), 'DL', version), { code: 'RULES_UNKNOWN' });
    await assert.rejects(readVersion(dir(), '..', version), { code: 'TENANT_ID_INVALID' });
    writeFileSync(join(dir(), 'UA', `${version}.yaml`), fileOf(60));
    await assert.rejects(readVersion(dir(), 'UA', version), { code: 'TENANT_CONFIG_INVALID' });
  });

  it('is kept of what is applied, and of what comes into force by hand', async () => {
    const tenants = join(root(), 'tenants');
    const source = join(root(), 'UA.yaml');
    const registry = await openTenantRegistry({ dir: tenants, versions: dir() });
    try {
      writeFileSync(source, fileOf(180));
      await applyTenantFiles({ source, dir: tenants, versions: dir() });
      const [applied] = await listVersions(dir(), 'UA');
      await until(() => assert.equal(registry.get('UA')?.version, applied?.version), 5_000);
      writeFileSync(join(tenants, 'UA.yaml'), fileOf(120));
      await until(async () => {
        const current = registry.get('UA')?.version ?? '';
        assert.notEqual(current, applied?.version);
        assert.equal((await readVersion(dir(), 'UA', current)).version, current);
      }, 5_000);
      assert.equal((await listVersions(dir(), 'UA')).length, 2);
    } finally {
      await registry.close();
    }
  });
});
