import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { skipWithoutFakeGcs, startFakeGcs, type FakeGcs } from '../support/fake-gcs.js';
import { killAll, ownEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { countInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

const TENANT = 'shop';
const REQUESTS = 20;
const EVENTS = 50;

/** Events of one request, each about a subject of its own. */
function eventsOf(request: number): object[] {
  return Array.from({ length: EVENTS }, (_, index) => ({
    specversion: '1.0',
    id: `e-${request}-${index}`,
    source: 'test',
    type: 'order.made',
    subject: `s-${request}-${index}`,
    data: { amount: index },
  }));
}

describe('an API node without a lasting disk (HEADGATE_ACK=started, batches in a bucket)', function () {
  this.timeout(180_000);
  let gcs: FakeGcs | undefined;
  let lasting: string;
  let passing: string;
  let api: HeadgateProcess;

  before(async function () {
    skipWithoutFakeGcs(this);
    gcs = await startFakeGcs('headgate-batches');
    lasting = await mkdtemp(join(tmpdir(), 'headgate-lasting-'));
    passing = await mkdtemp(join(tmpdir(), 'headgate-passing-'));
    const config = {
      tenant: TENANT,
      warehouse: { window: '1s' },
      rules: [{ name: 'large', on: ['order.made'], when: 'event.data.amount >= 20' }],
    };
    for (const dir of [lasting, passing]) {
      await mkdir(join(dir, 'tenants'));
      await writeFile(join(dir, 'tenants', `${TENANT}.yaml`), JSON.stringify(config));
    }
    const batches = { HEADGATE_BATCHES: 'gs://headgate-batches', HEADGATE_GCS_ENDPOINT: gcs.endpoint };
    const env = { ...(await ownEnvironment(lasting)), ...batches };
    const { temporal } = await spawnHeadgate(['start'], env).ready();
    api = spawnHeadgate(['api'], {
      ...env,
      HEADGATE_DATA_DIR: passing,
      HEADGATE_ACK: 'started',
      TEMPORAL_ADDRESS: temporal,
    });
  });
  after(async () => {
    await killAll();
    await gcs?.stop();
    for (const dir of [lasting, passing])
      if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  it('has lost nothing that it acknowledged when it is killed and its disk is gone', async () => {
    const { url } = await api.ready();
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(passing, { tenant: TENANT, scope: 'events:write', ...claims });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answers = Array.from({ length: REQUESTS }, async (_, request) => {
      const body = JSON.stringify(eventsOf(request));
      const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body });
      assert.equal(answer.status, 202, await answer.text());
    });
    await Promise.all(answers);
    await api.signal('SIGKILL');
    await rm(passing, { recursive: true, force: true });
    const all = REQUESTS * EVENTS;
    await until(
      async () =>
        assert.deepEqual(await countInFiles(join(lasting, 'warehouse'), TENANT), {
          events: all,
          user_properties: 0,
          decisions: all,
        }),
      60_000,
    );
  });
});
