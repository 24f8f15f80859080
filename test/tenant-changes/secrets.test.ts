import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MasterKeyring } from '../../src/stores/batch-keys/master-keyring.js';
import { StoredSecrets } from '../../src/stores/secrets/stored-secrets.js';
import { SecretChanges } from '../../src/tenant-changes/secrets.js';
import { useTempDir } from '../support/temp-dir.js';

const HOUR_MS = 3_600_000;
const author = { by: 'ops', role: 'operator' } as const;
const crm = { tenant: 'acme', name: 'crm', author };
const newMaster = () => new MasterKeyring({ current: createSecretKey(randomBytes(32)) });

describe('secrets', () => {
  const root = useTempDir();
  const masters = newMaster();
  let now = 0;
  let changes: SecretChanges;
  let stored: StoredSecrets;

  beforeEach(() => {
    now = Date.parse('2024-03-10T12:00:00Z');
    const [tenants, tenantVersions, secrets] = ['tenants', 'versions', 'secrets'].map((name) =>
      join(root(), name),
    );
    mkdirSync(tenants!);
    for (const tenant of ['acme', 'other'])
      writeFileSync(join(tenants!, `${tenant}.yaml`), `tenant: ${tenant}\n`);
    const paths = { tenants: tenants!, tenantVersions: tenantVersions!, secrets: secrets! };
    changes = new SecretChanges({ paths, masters, registry: { get: () => undefined }, now: () => now });
    stored = new StoredSecrets(paths.secrets, masters, () => now);
  });
  const fileOf = (tenant: string) => join(root(), 'secrets', tenant, 'secrets.json');

  it('an old value is valid until its overlap is over, to the millisecond', async () => {
    const { value: old } = await changes.make({ ...crm, kind: 'hmac' });
    const { value: next } = await changes.rotate({ ...crm, overlapMs: HOUR_MS });
    assert.deepEqual(stored.valuesOf('acme', 'crm'), [next, old]);
    now += HOUR_MS - 1;
    assert.deepEqual(stored.valuesOf('acme', 'crm'), [next, old]);
    now += 1;
    assert.deepEqual(stored.valuesOf('acme', 'crm'), [next]);
    assert.equal((await changes.list('acme'))[0]?.values.length, 1);
    await changes.rotate({ ...crm, overlapMs: HOUR_MS });
    const kept = readFileSync(fileOf('acme'), 'utf8');
    assert.equal(kept.match(/"sealed"/g)?.length, 2, 'what is over is not kept');
  });

  it('a second rotation does not make an overlap longer, and values are bounded', async () => {
    const { value: first } = await changes.make({ ...crm, kind: 'hmac' });
    await changes.rotate({ ...crm, overlapMs: 1_000 });
    await changes.rotate({ ...crm, overlapMs: HOUR_MS });
    now += 1_000;
    assert.ok(!stored.valuesOf('acme', 'crm').includes(first!));
    for (let more = 0; more < 3; more++) await changes.rotate({ ...crm, overlapMs: HOUR_MS });
    await assert.rejects(changes.rotate({ ...crm, overlapMs: HOUR_MS }), { code: 'STATE_CONFLICT' });
  });

  it('when the newest is revoked, the one before is valid again for good', async () => {
    const { value: old } = await changes.make({ ...crm, kind: 'hmac' });
    const { values } = await changes.rotate({ ...crm, overlapMs: 1_000 });
    await changes.revoke({ ...crm, id: values[0]!.id });
    now += 10 * HOUR_MS;
    assert.deepEqual(stored.valuesOf('acme', 'crm'), [old]);
    await changes.revoke(crm);
    assert.deepEqual(stored.valuesOf('acme', 'crm'), []);
    const again = await changes.make({ ...crm, kind: 'hmac' });
    assert.ok(again.values[0]!.id > values[0]!.id, 'no number is used twice');
  });

  it('opens in its own place alone: not under another name, tenant or master key', async () => {
    const { value } = await changes.make({ ...crm, kind: 'hmac' });
    const text = readFileSync(fileOf('acme'), 'utf8');
    assert.ok(!text.includes(value!.slice(6)));
    await changes.make({ ...crm, tenant: 'other', name: 'theirs', kind: 'hmac' });
    const wrong = { code: 'BATCH_KEY_WRONG' };
    writeFileSync(fileOf('other'), text);
    assert.throws(() => stored.valuesOf('other', 'crm'), wrong);
    writeFileSync(fileOf('acme'), text.replace('"crm"', '"erp"'));
    assert.throws(() => stored.valuesOf('acme', 'erp'), wrong);
    writeFileSync(fileOf('acme'), text);
    const dir = join(root(), 'secrets');
    assert.throws(() => new StoredSecrets(dir, newMaster()).valuesOf('acme', 'crm'), wrong);
    const none = new StoredSecrets(dir, new MasterKeyring({}));
    assert.throws(() => none.valuesOf('acme', 'crm'), { code: 'BATCH_KEY_MISSING' });
    writeFileSync(fileOf('acme'), '{"keys": [');
    assert.throws(() => stored.valuesOf('acme', 'crm'), wrong);
  });

  it('changes at once are made one after the other', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(names.map((name) => changes.make({ ...crm, name, kind: 'hmac' })));
    assert.deepEqual(
      (await changes.list('acme')).map(({ name }) => name),
      names,
    );
    await assert.rejects(changes.make({ ...crm, tenant: 'nobody', kind: 'hmac' }), { code: 'NOT_FOUND' });
  });
});
