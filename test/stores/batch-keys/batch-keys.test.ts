import assert from 'node:assert/strict';
import { cpSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalKeyFiles } from '../../../src/stores/batch-keys/file.js';
import { createGcsKeyFiles } from '../../../src/stores/batch-keys/gcs.js';
import { rewrapKeys, rotateKey } from '../../../src/stores/batch-keys/changes.js';
import { eraseTenant } from '../../../src/removal/erase-tenant.js';
import type { KeyFiles } from '../../../src/stores/batch-keys/key-file.js';
import { MasterKey, type MasterKeys } from '../../../src/stores/batch-keys/master-key.js';
import { MasterKeyring } from '../../../src/stores/batch-keys/master-keyring.js';
import { createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { keysOf, masterKey } from '../../support/batch-keys.js';
import { useFakeGcs } from '../../support/fake-gcs.js';
import { canUnshare, startHolder } from '../../support/lock-holder.js';
import { useTempDir } from '../../support/temp-dir.js';

const [OLD, NEW] = [masterKey(), masterKey()];

/** What key files promise, wherever they are. */
function describeKeys(filesOf: () => KeyFiles): void {
  const keys = (masters: MasterKeys, recheckMs?: number) => keysOf(filesOf(), masters, recheckMs);

  it('are made once, no matter who comes first', async () => {
    const processes = Array.from({ length: 8 }, () => keys({ current: OLD }));
    const made = await Promise.all(processes.map((each) => each.forSealing('UA')));
    assert.equal(new Set(made.map(({ id }) => id)).size, 1);
    assert.equal(new Set(made.map(({ key }) => key.export().toString('hex'))).size, 1);
    const later = await keys({ current: OLD }).forSealing('UA');
    assert.ok(later.key.equals((made[0] as typeof later).key));
    const one = keys({ current: OLD });
    const side = await Promise.all(Array.from({ length: 8 }, () => one.forSealing('DL')));
    assert.equal(new Set(side.map(({ id }) => id)).size, 1, 'a batch has files of events and decisions');
  });

  it("are each tenant's own", async () => {
    const all = keys({ current: OLD });
    const [first, second] = [await all.forSealing('UA'), await all.forSealing('DL')];
    assert.notEqual(first.id, second.id);
    assert.ok(!first.key.equals(second.key));
    assert.equal(await all.forOpening('DL', first.id), undefined);
    await assert.rejects(all.forSealing('../UA'), { code: 'TENANT_ID_INVALID' });
  });

  it('are not opened, and none is made, with another master key, which the start says', async () => {
    const { id } = await keys({ current: OLD }).forSealing('UA');
    const wrong = { code: 'BATCH_KEY_WRONG', retryable: true, message: /HEADGATE_BATCH_KEY_PREVIOUS/ };
    for (const masters of [{ current: NEW }, { previous: NEW }]) {
      await assert.rejects(keys(masters).check({ create: true }), wrong);
      await assert.rejects(keys(masters).forOpening('UA', id), wrong);
    }
    await assert.rejects(keys({ current: NEW }).forSealing('UA'), wrong);
    await assert.rejects(keys({ current: NEW }).forSealing('DL'), wrong);
    assert.equal(await filesOf().read({ tenant: 'DL' }), undefined);
    await assert.rejects(keys({}).check({ create: true }), { code: 'BATCH_KEY_MISSING', retryable: true });
  });

  it('tell nothing of the master key, and the message of a wrong one neither', async () => {
    await keys({ current: OLD }).forSealing('UA');
    const kept = Buffer.concat([
      (await filesOf().read('deployment')) as Buffer,
      (await filesOf().read({ tenant: 'UA' })) as Buffer,
    ]).toString();
    const message = await keys({ current: NEW })
      .check({ create: true })
      .then(
        () => '',
        (error: Error) => error.message,
      );
    for (const key of [OLD, NEW])
      for (const form of ['hex', 'base64', 'base64url'] as const)
        assert.ok(!(kept + message).includes(key.export().toString(form)));
    assert.match(message, new RegExp(new MasterKey(OLD).id), 'but which one it is');
  });

  it('are opened by the previous master key, and wrapped by the current one when told to', async () => {
    const before = await keys({ current: OLD }).forSealing('UA');
    await keys({ current: OLD }).forSealing('DL');
    const both = { current: NEW, previous: OLD };
    await keys(both).check({ create: true });
    assert.ok((await keys(both).forOpening('UA', before.id))?.equals(before.key));
    const made = await keys(both).forSealing('WN');
    assert.ok((await keys({ current: NEW }).forOpening('WN', made.id))?.equals(made.key));
    const masters = new MasterKeyring(both);
    assert.deepEqual(await rewrapKeys(filesOf(), masters), { tenants: 3, changed: 2 });
    assert.deepEqual(await rewrapKeys(filesOf(), masters), { tenants: 3, changed: 0 });
    const alone = keys({ current: NEW });
    await alone.check({ create: true });
    assert.ok((await alone.forOpening('UA', before.id))?.equals(before.key));
    await assert.rejects(keys({ current: OLD }).check({ create: true }), { code: 'BATCH_KEY_WRONG' });
  });

  it('wrap nothing by a previous master key alone', async () => {
    await keys({ current: OLD }).forSealing('UA');
    const masters = new MasterKeyring({ previous: OLD });
    await assert.rejects(rotateKey(filesOf(), masters, 'UA'), { code: 'BATCH_KEY_MISSING' });
    await assert.rejects(rewrapKeys(filesOf(), masters), { code: 'BATCH_KEY_MISSING' });
    await keys({ previous: OLD }).check({ create: true });
  });

  it('follow each other: the last one seals, all of them open', async () => {
    const running = keys({ current: OLD });
    const first = await running.forSealing('UA');
    await rotateKey(filesOf(), new MasterKeyring({ current: OLD }), 'UA');
    const second = await keys({ current: OLD }).forSealing('UA');
    assert.notEqual(second.id, first.id);
    assert.ok(
      (await running.forOpening('UA', second.id))?.equals(second.key),
      'also one it has not seen yet',
    );
    assert.ok((await keys({ current: OLD }).forOpening('UA', first.id))?.equals(first.key));
    assert.equal((await rotateKey(filesOf(), new MasterKeyring({ current: OLD }), 'DL')).keys.length, 1);
  });

  it('stay deleted, whatever else is done at the same time', async () => {
    const { id } = await keys({ current: OLD }).forSealing('UA');
    const masters = new MasterKeyring({ current: NEW, previous: OLD });
    const none = {
      list: async function* () {},
      open: () => Promise.reject(new Error()),
      delete: async () => {},
    };
    await Promise.all([
      eraseTenant(filesOf(), none, 'UA'),
      rotateKey(filesOf(), masters, 'UA').catch(() => undefined),
      rewrapKeys(filesOf(), masters).catch(() => undefined),
    ]);
    const { keys: left } = JSON.parse(String(await filesOf().read({ tenant: 'UA' }))) as { keys: unknown[] };
    assert.deepEqual(left, []);
    const erased = { code: 'TENANT_ERASED' };
    await assert.rejects(keys({ current: OLD, previous: NEW }).forOpening('UA', id), erased);
    await assert.rejects(keys({ current: OLD, previous: NEW }).forSealing('UA'), erased);
  });
}

describe('the keys of batch files', () => {
  const dir = useTempDir();

  describe('in a directory', () => {
    describeKeys(() => createLocalKeyFiles(dir()));

    it('leave nothing beside them, and are replaced by one command at a time', async () => {
      const files = createLocalKeyFiles(dir());
      await keysOf(files, { current: OLD }).forSealing('UA');
      await rotateKey(files, new MasterKeyring({ current: OLD }), 'UA');
      assert.deepEqual(readdirSync(join(dir(), 'UA')), ['batch-key.json']);
      const kept = await files.readVersion({ tenant: 'UA' });
      const bytes = Buffer.from('{}');
      assert.equal(await files.replace({ tenant: 'UA' }, bytes, 'another'), false);
      assert.deepEqual((await files.readVersion({ tenant: 'UA' }))?.bytes, kept?.bytes);
      const another = startHolder(join(dir(), '.batch-key-lock', 'owner.json'), { apart: canUnshare() });
      try {
        assert.equal(await another.take(), 'held');
        await assert.rejects(files.replace({ tenant: 'UA' }, bytes, kept?.version ?? ''), {
          code: 'STATE_CONFLICT',
          message: /are being changed by process \d+ on host /,
        });
      } finally {
        await another.kill();
      }
      assert.equal(await files.replace({ tenant: 'UA' }, bytes, kept?.version ?? ''), true);
    });

    it('are found nowhere while nothing is encrypted', async () => {
      const files = createLocalKeyFiles(join(dir(), 'none'));
      await keysOf(files, {}).check({ create: true });
      await keysOf(files, { previous: OLD }).check({ create: true });
      await keysOf(files, { current: OLD }).check({ create: false });
      const tenants: string[] = [];
      for await (const tenant of files.tenants()) tenants.push(tenant);
      assert.deepEqual([tenants, readdirSync(dir())], [[], []]);
    });

    it('are deleted with what a crash has left of them under other names', async () => {
      const files = createLocalKeyFiles(dir());
      await keysOf(files, { current: OLD }).forSealing('UA');
      for (const path of ['UA/.batch-key.json.0123.tmp', 'UA/.another.tmp'])
        cpSync(join(dir(), 'UA/batch-key.json'), join(dir(), path));
      await eraseTenant(files, createFileBatchStore(dir()), 'UA');
      assert.deepEqual(readdirSync(join(dir(), 'UA')).sort(), ['.another.tmp', 'batch-key.json']);
    });

    it('erase a tenant that has never had any', async () => {
      const files = createLocalKeyFiles(dir());
      const { keys } = await eraseTenant(files, createFileBatchStore(dir()), 'UA');
      assert.equal(keys, 0);
      await assert.rejects(keysOf(files, { current: OLD }).forSealing('UA'), { code: 'TENANT_ERASED' });
      assert.match(readFileSync(join(dir(), 'UA/batch-key.json'), 'utf8'), /"erasedAt"/);
    });
  });

  describe('in a bucket', () => {
    const fake = useFakeGcs('keys');

    describeKeys(() => {
      const { bucket, prefix, endpoint } = fake();
      return createGcsKeyFiles({ bucket: bucket.name, prefix, endpoint });
    });
  });
});
