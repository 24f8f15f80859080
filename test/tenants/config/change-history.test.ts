import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  listChanges,
  makeChange,
  whileNobodyChanges,
  type Change,
} from '../../../src/tenants/config/change-history.js';
import { applyTenantFiles } from '../../../src/tenants/config/registry.js';
import { useTempDir } from '../../support/temp-dir.js';

const BY: Change = { change: 'tenant-replaced', by: 'ops', role: 'operator' };

describe('tenants/config/change-history', () => {
  const root = useTempDir();
  const versions = () => join(root(), 'tenant-versions');
  const own = (name: string) => join(versions(), 'acme', name);
  const file = () => join(root(), 'acme.yaml');
  const make = (content: string | undefined, reason: string) =>
    whileNobodyChanges(versions(), () =>
      makeChange(versions(), 'acme', { path: file(), content }, { ...BY, reason }),
    );
  const listed = async () =>
    (await listChanges(versions(), 'acme')).map(({ number, reason }) => [number, reason]);

  it('records each change after it was made, and leaves nothing behind', async () => {
    await Promise.all(['a', 'b', 'c'].map((text) => make(text, text)));
    await make(undefined, 'gone');
    assert.equal(existsSync(file()), false);
    assert.deepEqual(await listed(), [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'gone'],
    ]);
    assert.deepEqual(readdirSync(join(versions(), 'acme')), ['changes.ndjson']);
    assert.deepEqual(await listChanges(versions(), 'nobody'), []);
  });

  it('completes what a crash has left: by the file it knows whether it was made', async () => {
    await make('a', 'first');
    const pending = (hash: string) =>
      JSON.stringify({
        recorded: { number: 2, at: '2024-03-10T12:00:00.000Z', ...BY, reason: 'second' },
        path: file(),
        hash,
      });
    const hash = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb';
    writeFileSync(own('.change.json'), pending('0'.repeat(64)));
    assert.deepEqual(await listed(), [[1, 'first']], 'it was not made');
    writeFileSync(own('.change.json'), pending(hash));
    assert.deepEqual((await listed()).at(-1), [2, 'second'], 'it was made');
    writeFileSync(own('.change.json'), pending(hash));
    assert.equal((await listed()).length, 2, 'its line was written already');
  });

  it('goes on after half a line', async () => {
    await make('a', 'first');
    writeFileSync(own('changes.ndjson'), `${readFileSync(own('changes.ndjson'), 'utf8')}{"number":2,"at`);
    await make('b', 'second');
    assert.deepEqual(await listed(), [
      [1, 'first'],
      [2, 'second'],
    ]);
  });

  it('has what `tenant apply` changes, by whom and why, and not what it leaves', async () => {
    const [source, dir] = [join(root(), 'files'), join(root(), 'tenants')];
    for (const each of [source, dir]) mkdirSync(each);
    writeFileSync(join(source, 'UA.yaml'), 'tenant: UA\n');
    const author = { by: 'me', role: 'command', reason: 'new' } as const;
    const apply = () => applyTenantFiles({ source, dir, versions: versions(), author });
    await apply();
    await apply();
    writeFileSync(join(source, 'UA.yaml'), 'tenant: UA\nsuspended: true\n');
    await apply();
    assert.deepEqual(
      (await listChanges(versions(), 'UA')).map(({ change, by, reason }) => [change, by, reason]),
      [
        ['tenant-created', 'me', 'new'],
        ['tenant-replaced', 'me', 'new'],
      ],
    );
  });
});
