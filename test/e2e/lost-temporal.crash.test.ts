import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { connectTemporal } from '../../src/temporal/connect.js';
import { signToken } from '../../src/keys/key-set.js';
import {
  killAll,
  ownEnvironment,
  runHeadgate,
  spawnHeadgate,
  type HeadgateProcess,
} from '../support/headgate.js';
import { rowsInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

const TENANT = 'restored';
const OPEN_WINDOWS = 'WorkflowType = "loadWindow" AND ExecutionStatus = "Running"';

describe('a node whose Temporal and data directory are not of the same moment', function () {
  this.timeout(240_000);
  let dir: string;
  let env: Awaited<ReturnType<typeof ownEnvironment>>;
  let node: HeadgateProcess;
  let place: { readonly url: string; readonly temporal: string };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-restored-'));
    mkdirSync(join(dir, 'tenants'));
    env = await ownEnvironment(dir);
  });
  afterEach(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(window: string): Promise<void> {
    const config = { tenant: TENANT, warehouse: { window }, rules: [] };
    writeFileSync(join(dir, 'tenants', `${TENANT}.yaml`), JSON.stringify(config));
    node = spawnHeadgate(['start'], env);
    place = await node.ready();
  }

  async function stop(): Promise<void> {
    assert.equal((await node.signal('SIGTERM')).code, 0, node.stderr);
  }

  async function post(id: string): Promise<void> {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(dir, { tenant: TENANT, scope: 'admin', ...claims });
    const event = { specversion: '1.0', id, source: '/shop', type: 'order.placed', subject: 'a', data: {} };
    const response = await fetch(`${place.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(event),
    });
    assert.equal(response.status, 202, await response.text());
  }

  /** Waits until a batch has been announced to a load window that stays open. */
  async function announced(): Promise<void> {
    const connection = await connectTemporal({ address: place.temporal });
    const { workflow } = new Client({ connection, namespace: 'default' });
    const count = async () => (await workflow.count(OPEN_WINDOWS)).count;
    await until(async () => assert.equal(await count(), 1), 20_000);
    await connection.close();
  }

  const ids = async () => (await rowsInFiles(join(dir, 'warehouse'), TENANT, 'events', 'id')).flat().sort();
  const loaded = (...expected: string[]) =>
    until(async () => assert.deepEqual(await ids(), expected), 30_000);

  it('loads what was announced to a window of a Temporal that is lost', async () => {
    await start('1 hour');
    await post('e1');
    await announced();
    await stop();
    await rm(join(dir, 'temporal'), { recursive: true });
    await start('1 second');
    await node.logged(/TEMPORAL_DATA_LOST/);
    await loaded('e1');
    await post('e2');
    await loaded('e1', 'e2');
    const reload = await runHeadgate(['reload', '--tenant', TENANT], env);
    assert.equal(reload.code, 0, reload.stderr);
    assert.match(reload.stdout, /^2 batches announced, 2 rows/);
    await stop();
    await start('1 second');
    assert.doesNotMatch(node.stderr + node.stdout, /TEMPORAL_DATA_LOST/, 'it is known to this one');
    assert.deepEqual(await ids(), ['e1', 'e2']);
  });

  it('loads what was announced after the backup that Temporal was put back from', async () => {
    await start('1 second');
    await post('e1');
    await loaded('e1');
    await stop();
    await cp(join(dir, 'temporal'), join(dir, 'backup'), { recursive: true });
    await start('1 hour');
    await post('e2');
    await announced();
    await stop();
    await rm(join(dir, 'temporal'), { recursive: true });
    await cp(join(dir, 'backup'), join(dir, 'temporal'), { recursive: true });
    await start('1 second');
    await loaded('e1', 'e2');
  });

  it('takes in new events on the day of the backup that spool and state were put back from', async () => {
    const parts = ['spool', 'state'];
    const copy = async (from: string, to: string): Promise<void> => {
      for (const part of parts) {
        await rm(join(dir, to, part), { recursive: true, force: true });
        await cp(join(dir, from, part), join(dir, to, part), { recursive: true });
      }
    };
    await start('1 second');
    await post('e1');
    await loaded('e1');
    await stop();
    await copy('.', 'backup');
    await start('1 second');
    for (const id of ['e2', 'e3']) await post(id);
    await loaded('e1', 'e2', 'e3');
    await stop();
    await copy('backup', '.');
    await start('1 second');
    for (const id of ['e4', 'e5', 'e6']) await post(id);
    await loaded('e1', 'e2', 'e3', 'e4', 'e5', 'e6');
    const listing = ['dead-letters', 'list', '--tenant', TENANT, '--json', '--url', place.url];
    const list = await runHeadgate(listing, env);
    assert.equal(list.code, 0, list.stderr);
    assert.deepEqual((JSON.parse(list.stdout) as { deadLetters: unknown[] }).deadLetters, []);
  });
});
