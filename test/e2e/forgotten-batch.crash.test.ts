import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { connectTemporal } from '../../src/temporal/connect.js';
import { signToken } from '../../src/keys/key-set.js';
import { forget } from '../support/forget.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import { rowsInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

const TENANT = 'forgotten';
const RUNNING = 'WorkflowType = "ingestBatch" AND ExecutionStatus = "Running"';

describe('a node whose batch Temporal has forgotten while it was down', function () {
  this.timeout(180_000);
  let dir: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-forgotten-'));
    mkdirSync(join(dir, 'tenants'));
    const config = { tenant: TENANT, warehouse: { window: '1s' }, rules: [] };
    writeFileSync(join(dir, 'tenants', `${TENANT}.yaml`), JSON.stringify(config));
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  it('loads it from its file, and what comes after it', async () => {
    const env = await nodeEnvironment(dir);
    const doomed = spawnHeadgate(['start'], { ...env, HEADGATE_FAULT: 'hand-over.after:2' });
    const { url, temporal } = await doomed.ready();
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(dir, { tenant: TENANT, scope: 'admin', ...claims });
    const post = async (to: string, id: string) => {
      const event = { specversion: '1.0', id, source: '/shop', type: 'order.placed', subject: 'a', data: {} };
      const response = await fetch(`${to}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      });
      assert.equal(response.status, 202, await response.text());
    };
    await post(url, 'e1');
    const ids = async () => (await rowsInFiles(join(dir, 'warehouse'), TENANT, 'events', 'id')).flat().sort();
    await until(async () => assert.deepEqual(await ids(), ['e1']), 20_000);
    await post(url, 'e2');
    assert.equal((await doomed.finished).signal, 'SIGKILL', doomed.stderr);

    const namespace = env.TEMPORAL_NAMESPACE as string;
    const connection = await connectTemporal({ address: temporal });
    const { workflow } = new Client({ connection, namespace });
    for await (const { workflowId } of workflow.list({ query: RUNNING }))
      await forget({ connection }, workflow.getHandle(workflowId), namespace);
    await connection.close();

    const revived = spawnHeadgate(['start'], env);
    const again = (await revived.ready()).url;
    await post(again, 'e3');
    await until(async () => assert.deepEqual(await ids(), ['e1', 'e2', 'e3']), 20_000);
    const said = await revived.logged(/"code":"BATCH_FORGOTTEN"/);
    assert.match(said, /"batch":"\d{8}-[0-9a-f]{8}-[0-9a-z]{9}".*no longer knows the batch/);
    assert.equal((await revived.signal('SIGTERM')).code, 0, revived.stderr);
  });
});
