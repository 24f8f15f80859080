import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { restartsOf } from '../../../src/tenants/config/restarts.js';
import { readConfigFile, type TenantFile } from '../../../src/tenants/config/tenant-file.js';
import { keepVersion } from '../../../src/tenants/config/versions.js';
import { useTempDir } from '../../support/temp-dir.js';

describe('what a change of aggregates does to what they hold', () => {
  const dir = useTempDir();
  const versions = () => join(dir(), 'versions');

  /** Applies a configuration in which `spent` is over so many days, if any. */
  async function applied(days: number | undefined, now = 0): Promise<TenantFile> {
    const spent = days === undefined ? {} : { spent: { on: ['paid'], op: 'count', window: `${days} days` } };
    const rules = days === undefined ? [] : [{ name: 'often', on: ['paid'], when: 'aggregates.spent > 2' }];
    const path = join(dir(), 'UA.yaml');
    await writeFile(path, JSON.stringify({ tenant: 'UA', aggregates: { ...spent, other: OTHER }, rules }));
    const file = await readConfigFile(path);
    await keepVersion(versions(), 'UA', file.text, now);
    return file;
  }

  const OTHER = { on: ['sold'], op: 'count', window: '1 day' };

  it('says nothing where nothing has changed, or an aggregate is new', async () => {
    const [none, first] = [await applied(undefined), await applied(7)];
    assert.deepEqual(await restartsOf(undefined, first, versions()), []);
    assert.deepEqual(await restartsOf(first, first, versions()), []);
    assert.deepEqual(await restartsOf(none, { ...first, rules: none.rules }, versions()), []);
  });

  it('tells a new definition from one that was there before, and from an aggregate that is put back', async () => {
    const none = await applied(undefined, 1_000);
    const first = await applied(7, 2_000);
    const other = await applied(8, 3_000);
    const named = { aggregate: 'spent', rules: ['often'] };
    const neverSeen = await readConfigFile(join(dir(), 'UA.yaml'));
    assert.deepEqual(await restartsOf(first, neverSeen, join(dir(), 'nowhere')), [
      { ...named, how: 'begins' },
    ]);
    assert.deepEqual(await restartsOf(other, first, versions()), [
      { ...named, how: 'returns', version: first.version },
    ]);
    assert.deepEqual(await restartsOf(none, first, versions()), [
      { ...named, how: 'resumes', version: first.version },
    ]);
  });
});
