import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockSpool } from '../../src/ingest/spool-lock.js';
import { useTempDir } from '../support/temp-dir.js';

const FIXTURE = fileURLToPath(new URL('spool-lock.fixture.ts', import.meta.url));

describe('the lock of a spool', () => {
  const dir = useTempDir();
  let owner: ChildProcess | undefined;

  afterEach(() => kill());

  async function lockElsewhere(): Promise<ChildProcess> {
    owner = spawn(process.execPath, ['--import', 'tsx', FIXTURE, dir()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout as NonNullable<ChildProcess['stdout']>, 'data');
    return owner;
  }

  async function kill(): Promise<void> {
    if (owner === undefined) return;
    const gone = once(owner, 'close');
    owner.kill('SIGKILL');
    await gone;
    owner = undefined;
  }

  it('keeps a second process out, and names the first', async () => {
    const { pid } = await lockElsewhere();
    assert.throws(() => lockSpool(dir()), { code: 'DATA_DIR_IN_USE', message: new RegExp(`process ${pid}`) });
  });

  it('is given back', () => {
    lockSpool(dir())();
    assert.deepEqual(readdirSync(dir()), []);
    lockSpool(dir())();
  });

  it('is taken over from a process that was killed', async () => {
    await lockElsewhere();
    await kill();
    lockSpool(dir())();
  });

  for (const left of [
    '',
    'rubbish',
    '{',
    '{}',
    'null',
    '[]',
    '-1',
    '99999999',
    '{"pid":-1}',
    '{"pid":99999999}',
  ]) {
    it(`is taken over where a power cut left ${JSON.stringify(left)}`, () => {
      lockSpool(dir());
      const [file] = readdirSync(dir());
      writeFileSync(join(dir(), file as string), left);
      lockSpool(dir())();
    });
  }
});
