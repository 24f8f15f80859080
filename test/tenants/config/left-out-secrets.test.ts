import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { applyTenantFiles, openTenantRegistry } from '../../../src/tenants/config/registry.js';
import { versionOf } from '../../../src/tenants/config/tenant-file.js';
import { listVersions, readVersion } from '../../../src/tenants/config/versions.js';
import { withoutSecrets } from '../../../src/tenants/config/left-out-secrets.js';
import { useTempDir } from '../../support/temp-dir.js';

const SECRETS = [1, 2, 3].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
const [FIRST = '', SECOND = '', OLD = ''] = SECRETS;

const FILE = `tenant: shop
# Before: ${OLD}
subscriptions:
  - { name: a, kind: push, url: 'https://a.example/hook?token=hush-1', secret: &s ${FIRST} }
  - name: b
    kind: push
    url: https://b.example/hook # no secret
    secrets: [*s, "${SECOND}", env:HEADGATE_SECRET_SHOP__B]
    headers: { Authorization: 'Bearer hush-2', X-Env: env:HEADGATE_SECRET_SHOP__X }
rules:
  - { name: r, on: [a], when: 'true' }
`;
const HIDDEN = [...SECRETS, 'hush-1', 'hush-2'];

describe('literal secrets in kept versions', () => {
  const dir = useTempDir();
  const versions = (): string => join(dir(), 'tenant-versions');
  const tenants = (): string => join(dir(), 'tenants');

  async function apply(text: string): Promise<string> {
    await writeFile(join(dir(), 'shop.yaml'), text);
    await applyTenantFiles({ source: join(dir(), 'shop.yaml'), dir: tenants(), versions: versions() });
    return versionOf(text);
  }
  async function assertNoSecret(): Promise<void> {
    const folder = join(versions(), 'shop');
    for (const name of await readdir(folder)) {
      const kept = await readFile(join(folder, name), 'utf8');
      for (const secret of HIDDEN) assert.ok(!kept.includes(secret), `${secret} is in ${kept}`);
    }
  }

  it('are left out; all else is kept, and rules are read from it as before', async () => {
    const version = await apply(FILE);
    assert.equal(await readFile(join(tenants(), 'shop.yaml'), 'utf8'), FILE);
    await assertNoSecret();
    const read = await readVersion(versions(), 'shop', version);
    assert.equal(read.version, version);
    assert.deepEqual(read.config.rules, parseTenantConfig(FILE, 'shop.yaml').rules);
    const kept = await readFile(join(versions(), 'shop', `${version}.yaml`), 'utf8');
    for (const same of [
      '# no secret',
      'env:HEADGATE_SECRET_SHOP__B',
      'env:HEADGATE_SECRET_SHOP__X',
      'https://a.example/hook?',
    ])
      assert.ok(kept.includes(same), same);
    // Two files that differ in a secret alone are two versions, and both can be read.
    const other = await apply(FILE.replace('hush-2', 'hush-1'));
    assert.notEqual(other, version);
    assert.equal((await readVersion(versions(), 'shop', other)).version, other);
  });

  it('have to be put in again where a version is applied as it is kept', async () => {
    const version = await apply(FILE);
    const kept = await readFile(join(versions(), 'shop', `${version}.yaml`), 'utf8');
    await assert.rejects(apply(kept), ({ message }: Error) => {
      const lines = message
        .split('\n')
        .map((line) => /subscriptions\.[\w.-]+(?=: this is a version)/.exec(line)?.[0]);
      const expected = ['0.url', '0.secret', '1.secrets.0', '1.secrets.1', '1.headers.Authorization'];
      assert.deepEqual(lines.sort(), expected.map((path) => `subscriptions.${path}`).sort());
      return true;
    });
  });

  it('go out of versions that an earlier Headgate has kept', async () => {
    const version = versionOf(FILE);
    await mkdir(join(versions(), 'shop'), { recursive: true });
    await writeFile(join(versions(), 'shop', `${version}.yaml`), FILE);
    const [before] = await listVersions(versions(), 'shop');
    const registry = await openTenantRegistry({ dir: tenants(), versions: versions() });
    await registry.close();
    await assertNoSecret();
    assert.equal((await readVersion(versions(), 'shop', version)).version, version);
    const [after] = await listVersions(versions(), 'shop');
    assert.ok(Math.abs((after?.appliedAt ?? 0) - (before?.appliedAt ?? 0)) <= 1);
  });

  it('are told from a version that was changed by hand', async () => {
    const version = await apply(FILE);
    const path = join(versions(), 'shop', `${version}.yaml`);
    await writeFile(path, (await readFile(path, 'utf8')).replace("when: 'true'", "when: 'false'"));
    await assert.rejects(readVersion(versions(), 'shop', version), /has been changed by hand/);
  });

  it('are left out once: what is left out already stays as it is', () => {
    const once = withoutSecrets(FILE);
    assert.equal(withoutSecrets(once), once);
    const plain = 'tenant: shop\nrules: []\n';
    assert.equal(withoutSecrets(plain), plain);
  });
});
