import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkTenants } from '../../src/commands/check-tenants.js';
import { useTempDir } from '../support/temp-dir.js';

describe('headgate doctor, of the tenants', () => {
  const dir = useTempDir();

  function write(tenant: string, text: string): void {
    mkdirSync(join(dir(), 'tenants'), { recursive: true });
    writeFileSync(join(dir(), 'tenants', `${tenant}.yaml`), text);
  }

  it('names those that a start leaves out, and what is wrong with their files', async () => {
    assert.match((await checkTenants({ dataDir: dir() })).found, /none yet/);
    write('UA', 'tenant: UA\n');
    assert.deepEqual((await checkTenants({ dataDir: dir() })).verdict, 'ok');
    write('LA', 'tenant: LA\nrules: [{ name: r, on: [a], when: \'event.data.s.matches("(?=a)")\' }]\n');
    const { verdict, found, fix } = await checkTenants({ dataDir: dir() });
    assert.equal(verdict, 'fail');
    assert.match(found, /^1 of 2 in .* are invalid\. LA\.yaml:2:\d+: rules\.0\.when: matches\(\)/);
    assert.match(fix ?? '', /headgate tenant apply/);
  });
});
