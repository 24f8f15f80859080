import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { openHoldings, type Holdings } from '../../src/recovery/holdings.js';
import { kill } from '../support/kill.js';
import { temporalAddress, testNamespace } from '../support/temporal.js';
import { useTempDir } from '../support/temp-dir.js';

describe('the holdings of processes on one data directory', function () {
  this.timeout(60_000);
  const dir = useTempDir();
  const children: ChildProcess[] = [];
  let connection: Connection;
  const said: string[] = [];

  before(async () => {
    connection = await Connection.connect({ address: temporalAddress() });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await kill(child);
    said.length = 0;
  });
  after(() => connection.close());

  async function startHolder(): Promise<{ child: ChildProcess; name: string }> {
    const fixture = fileURLToPath(new URL('./holder.fixture.ts', import.meta.url));
    const args = ['--import=tsx', fixture, temporalAddress(), testNamespace(), dir()];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [identity] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { child, name: identity.split('/')[1] ?? '' };
  }

  function open(): Promise<Holdings> {
    const client = new Client({ connection, namespace: testNamespace() });
    const note = (id: string, fields?: object): void => void said.push(JSON.stringify({ id, ...fields }));
    return openHoldings({ root: dir(), client, log: { info: note, warn: note } });
  }

  const nameOf = ({ identity }: Holdings): string => identity.split('/')[1] ?? '';

  it('are left alone while a process lives, and given back once by the first that comes after it', async () => {
    const { child, name } = await startHolder();
    const first = await open();
    assert.deepEqual(readdirSync(dir()).sort(), [name, nameOf(first)].sort());
    assert.deepEqual(said, []);
    await first.close();
    await kill(child);
    const second = await open();
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', new RegExp(`${name}","tasks":0,"untold":1`));
    assert.ok(!readdirSync(dir()).includes(name));
    await second.close();
    assert.deepEqual(readdirSync(dir()), []);
  });

  it('are not confused by what else lies there', async () => {
    mkdirSync(join(dir(), 'lost+found'));
    mkdirSync(join(dir(), '0123456789abcdef'));
    writeFileSync(join(dir(), '0123456789abcdef', 'tasks'), Buffer.alloc(1_000));
    const holdings = await open();
    assert.match(said[0] ?? '', /"tasks":0,"untold":0/);
    await holdings.close();
    assert.deepEqual(readdirSync(dir()), ['lost+found']);
  });
});
