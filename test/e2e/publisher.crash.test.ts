import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { createClient, type PublishedOutcome } from '../../packages/client/src/index.js';
import { killAll, ownEnvironment, spawnHeadgate } from '../support/headgate.js';
import { rowsInFiles } from '../support/parquet.js';
import { tokenFor } from '../support/producer.js';
import { until } from '../support/until.js';
import { writeWorkloadTenant } from '../support/workload.js';

const TENANT = 'publishes';

/** Runs for seconds on an idle machine. */
describe('a publisher whose node is killed', function () {
  this.timeout(180_000);
  let dir: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-publisher-'));
    writeWorkloadTenant(join(dir, 'tenants'), TENANT, 'pooled', {});
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  it('again and again, has every event in the warehouse, once', async () => {
    const port = await freePort();
    const env = { ...(await ownEnvironment(dir)), HEADGATE_PORT: String(port) };
    const start = async () => {
      const node = spawnHeadgate(['start'], env);
      await node.ready();
      return node;
    };
    let node = await start();
    const url = `http://127.0.0.1:${port}`;
    const token = await tokenFor(dir, TENANT, 'events:write');
    const publisher = createClient({ url, token }).publisher({ source: '/shop', maxBatchEvents: 10 });
    const outcomes: Promise<PublishedOutcome>[] = [];
    let answered = 0;
    for (let n = 0; n < 500; n += 1) {
      const outcome = publisher.publish({ id: `e${n}`, type: 'order.paid', subject: `c-${n % 7}` });
      outcomes.push(outcome.finally(() => (answered += 1)));
      if (n % 170 !== 169) continue;
      // In the midst of what is on its way.
      await until(() => assert.ok(answered > n - 160), 60_000);
      await node.signal('SIGKILL');
      node = await start();
    }
    assert.deepEqual(await publisher.close({ withinMs: 120_000 }), []);
    const statuses = new Set((await Promise.all(outcomes)).map(({ status }) => status));
    statuses.delete('duplicate');
    assert.deepEqual([...statuses], ['accepted']);
    await until(async () => {
      const rows = await rowsInFiles(join(dir, 'warehouse'), TENANT, 'events', 'id');
      assert.deepEqual(rows.map(String).sort(), outcomes.map((_, n) => `e${n}`).sort());
    }, 75_000);
    assert.equal((await node.signal('SIGTERM')).code, 0);
  });
});
