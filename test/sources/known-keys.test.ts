import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, isWriteKey, makeWriteKey } from '../../src/sources/key-form.js';
import { openKnownKeys, type KnownKeys } from '../../src/sources/known-keys.js';
import { MOST_FILE_BYTES } from '../../src/sources/source-file.js';
import { SourceChanges } from '../../src/tenant-changes/sources.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;
const author = { by: 'ops', role: 'operator' } as const;
const web = { tenant: 'acme', name: 'web', author };
const UNKNOWN = 'c'.padEnd(25, '0');

describe('write keys', () => {
  const root = useTempDir();
  let now = 0;
  let changes: SourceChanges;
  let keys: KnownKeys;
  let logged: string[];
  let suspended: string | undefined;
  const opened: KnownKeys[] = [];

  const directory = () => join(root(), 'sources');
  const fileOf = (tenant: string) => join(directory(), `${tenant}.json`);

  /** As another process of the data directory would: it hears of changes by their files alone. */
  async function open(): Promise<KnownKeys> {
    const log = {
      warn: (id: string, fields?: object) => void logged.push(`${id} ${JSON.stringify(fields)}`),
      error: (id: string) => void logged.push(id),
    };
    const isActive = (tenant: string) => tenant !== suspended;
    const known = await openKnownKeys({ directory: directory(), isActive, log, now: () => now });
    opened.push(known);
    return known;
  }

  beforeEach(async () => {
    now = Date.parse('2024-03-10T12:00:00Z');
    suspended = undefined;
    logged = [];
    const tenants = join(root(), 'tenants');
    mkdirSync(tenants);
    for (const tenant of ['acme', 'other'])
      writeFileSync(join(tenants, `${tenant}.yaml`), `tenant: ${tenant}\n`);
    const paths = { tenants, tenantVersions: join(root(), 'versions'), sources: directory() };
    keys = await open();
    changes = new SourceChanges({ paths, takeOver: () => keys.look(), now: () => now });
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
  });

  it('have the form of a cuid, and are not made twice', () => {
    const made = Array.from({ length: 500 }, makeWriteKey);
    assert.ok(made.every((key) => /^c[a-z0-9]{24}$/.test(key) && isWriteKey(key)));
    assert.equal(new Set(made).size, made.length);
    const seen = new Set(made.flatMap((key) => [...key.slice(1)]));
    assert.equal(seen.size, 36, 'every letter and digit is used');
    for (const no of ['', 'c', `${made[0]}x`, made[0]!.toUpperCase(), `${made[0]}\n`, 'x'.repeat(1e6)])
      assert.equal(isWriteKey(no), false);
  });

  it('one that is made is found at once, with what its source may send, and its hash alone is kept', async () => {
    const settings = { allowedOrigins: ['https://shop.example'], eventTypes: ['track.*'] };
    const made = await changes.create({ ...web, settings });
    assert.deepEqual(keys.find(made.key!), { tenant: 'acme', name: 'web', ...settings });
    assert.equal(made.keys[0]!.ends, made.key!.slice(-4));
    for (const no of [UNKNOWN, '', made.key!.slice(1), `${made.key}0`, '__proto__'])
      assert.equal(keys.find(no), undefined);
    const kept = readFileSync(fileOf('acme'), 'utf8');
    assert.ok(!kept.includes(made.key!) && !kept.includes(made.key!.slice(0, 20)));
    assert.ok(kept.includes(hashOf(made.key!)));
    assert.equal(statSync(fileOf('acme')).mode & 0o777, 0o600);
    const listed = JSON.stringify(await changes.list('acme'));
    assert.ok(!listed.includes(made.key!) && !listed.includes(hashOf(made.key!)));
    const history = readFileSync(join(root(), 'versions', 'acme', 'changes.ndjson'), 'utf8');
    assert.match(history, /"source-created","name":"web","by":"ops"/);
    await assert.rejects(changes.create({ ...web, settings: {} }), { code: 'STATE_CONFLICT' });
  });

  it('an old key is valid until its overlap is over, and a second rotation makes that no longer', async () => {
    const { key: old } = await changes.create({ ...web, settings: {} });
    const { key: next } = await changes.rotate({ ...web, overlapMs: HOUR_MS });
    await changes.rotate({ ...web, overlapMs: 10 * HOUR_MS });
    now += HOUR_MS - 1;
    assert.ok(keys.find(old!) && keys.find(next!));
    now += 1;
    assert.equal(keys.find(old!), undefined);
    assert.ok(keys.find(next!));
    assert.equal((await changes.list('acme'))[0]!.keys.length, 2);
  });

  it('one that is revoked is refused at once, and a source that is deleted has none', async () => {
    const first = await changes.create({ ...web, settings: {} });
    const second = await changes.makeKey(web);
    await changes.revoke({ ...web, id: first.keys[0]!.id });
    assert.equal(keys.find(first.key!), undefined);
    assert.ok(keys.find(second.key!));
    await changes.replace({ ...web, settings: { eventTypes: ['x'] } });
    assert.deepEqual(keys.find(second.key!)?.eventTypes, ['x']);
    await changes.delete(web);
    assert.equal(keys.find(second.key!), undefined);
    for (const gone of [changes.delete(web), changes.makeKey(web), changes.revoke({ ...web, id: 1 })])
      await assert.rejects(gone, { code: 'NOT_FOUND' });
    const again = await changes.create({ ...web, settings: {} });
    assert.equal(again.keys[0]!.id, 3, 'no number is used twice');
    await assert.rejects(changes.revoke({ ...web, id: 1 }), { code: 'NOT_FOUND' });
  });

  it('sources and keys are bounded', async () => {
    await changes.create({ ...web, settings: {} });
    for (let more = 1; more < 10; more++) await changes.makeKey(web);
    await assert.rejects(changes.makeKey(web), { code: 'STATE_CONFLICT' });
    await assert.rejects(changes.rotate({ ...web, overlapMs: HOUR_MS }), { code: 'STATE_CONFLICT' });
    await changes.rotate({ ...web, overlapMs: 0 });
    const file = JSON.parse(readFileSync(fileOf('acme'), 'utf8')) as { sources: Record<string, object> };
    for (let more = 1; more < 100; more++) file.sources[`s${more}`] = file.sources.web!;
    writeFileSync(fileOf('acme'), JSON.stringify(file));
    await assert.rejects(changes.create({ ...web, name: 'more', settings: {} }), { code: 'STATE_CONFLICT' });
    await assert.rejects(changes.create({ ...web, tenant: 'nobody', settings: {} }), { code: 'NOT_FOUND' });
  });

  it('what another process makes and revokes is seen in this one', async () => {
    const elsewhere = await open();
    const made = await changes.create({ ...web, settings: {} });
    await until(() => assert.ok(elsewhere.find(made.key!)), 5_000);
    await changes.revoke({ ...web, id: 1 });
    await until(() => assert.equal(elsewhere.find(made.key!), undefined), 5_000);
    const next = await changes.makeKey(web);
    await until(() => assert.ok(elsewhere.find(next.key!)), 5_000);
    rmSync(fileOf('acme'));
    await until(() => assert.equal(elsewhere.find(next.key!), undefined), 5_000);
  });

  it('a key of a tenant that takes no events is not found, and one of another tenant is its own', async () => {
    const mine = await changes.create({ ...web, settings: {} });
    const theirs = await changes.create({ ...web, tenant: 'other', settings: {} });
    assert.equal(keys.find(theirs.key!)?.tenant, 'other');
    await changes.delete({ ...web, tenant: 'other' });
    assert.ok(keys.find(mine.key!), 'names are per tenant');
    suspended = 'acme';
    assert.equal(keys.find(mine.key!), undefined);
    suspended = undefined;
    assert.ok(keys.find(mine.key!));
  });

  it('is not sure of an unknown key in its first seconds', () => {
    assert.equal(keys.complete, false);
    now += 9_999;
    assert.equal(keys.complete, false);
    now += 1;
    assert.equal(keys.complete, true);
  });

  for (const [what, damage] of [
    ['half of it', (text: string) => text.slice(0, text.length / 2)],
    ['none of it', () => ''],
    ['no object', () => '[]'],
    ['too much', (text: string) => text + ' '.repeat(MOST_FILE_BYTES)],
    ["another tenant's", (text: string) => text.replace('"acme"', '"other"')],
    ['a key that is no hash', (text: string) => text.replace(/"hash": "../, '"hash": "XX')],
  ] as const)
    it(`a damaged file (${what}) goes on as it was, is said, and stops no other tenant`, async () => {
      const mine = await changes.create({ ...web, settings: {} });
      const theirs = await changes.create({ ...web, tenant: 'other', settings: {} });
      now += 60_000;
      assert.equal(keys.complete, true);
      const right = readFileSync(fileOf('acme'), 'utf8');
      writeFileSync(fileOf('acme'), damage(right));
      await until(() => assert.equal(keys.complete, false), 5_000);
      assert.ok(keys.find(mine.key!) && keys.find(theirs.key!));
      assert.match(
        logged.join('\n'),
        /^SOURCE_FILE_DAMAGED \{"tenant":"acme","reason":"The write keys of acme/,
      );
      const fresh = await open();
      now += 60_000;
      assert.deepEqual([fresh.find(mine.key!), fresh.complete], [undefined, false]);
      assert.ok(fresh.find(theirs.key!));
      for (const asked of [changes.list('acme'), changes.makeKey(web), changes.delete(web)])
        await assert.rejects(asked, { code: 'SOURCES_DAMAGED', retryable: true });
      await changes.makeKey({ ...web, tenant: 'other' });
      writeFileSync(fileOf('acme'), right);
      await until(() => assert.ok(fresh.find(mine.key!) && fresh.complete && keys.complete), 5_000);
    });

  it('changes at once are made one after the other', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const made = await Promise.all(names.map((name) => changes.create({ ...web, name, settings: {} })));
    assert.deepEqual(
      made.map(({ key }) => keys.find(key!)?.name),
      names,
    );
    assert.equal(new Set(made.map(({ keys: [key] }) => key!.id)).size, names.length);
  });
});
