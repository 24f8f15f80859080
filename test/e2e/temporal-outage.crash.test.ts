import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { startDevServer, type DevServer } from '../../src/temporal/dev-server/dev-server.js';
import type { DevServerOptions } from '../../src/temporal/dev-server/dev-server-arguments.js';
import { SEARCH_ATTRIBUTES } from '../../src/tenants/search-attributes.js';
import { createCrashNode, type CrashNode } from '../support/crash-node.js';
import { killAll, type HeadgateProcess } from '../support/headgate.js';
import type { Load } from '../support/load.js';
import { temporalBinary } from '../support/temporal.js';
import { until } from '../support/until.js';

const SECOND = 1_000;
/** `HEADGATE_TEST_LONG=1` for the two minutes that Headgate promises to bridge. */
const OUTAGE_MS = (process.env.HEADGATE_TEST_LONG === '1' ? 120 : 20) * SECOND;
/** A request is acknowledged within this, whatever Temporal does. */
const ACKNOWLEDGED_WITHIN_MS = 15 * SECOND;

describe('Headgate, while its Temporal is away', function () {
  this.timeout(OUTAGE_MS + 240 * SECOND);
  let folder: string;
  let options: DevServerOptions;
  let server: DevServer | undefined;
  let node: CrashNode;
  let running: HeadgateProcess;
  let load: Load;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-outage-'));
    options = {
      binary: await temporalBinary(),
      dbFile: join(folder, 'temporal.db'),
      logFile: join(folder, 'temporal.log'),
      port: await freePort(),
      uiPort: await freePort(),
      namespace: 'default',
      searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword'])),
    };
    server = await startDevServer(options);
    node = await createCrashNode('outage', {
      TEMPORAL_ADDRESS: server.address,
      HEADGATE_SHUTDOWN_GRACE_SECONDS: '5',
    });
    running = await node.start();
    load = node.load();
    await acknowledgesMore(500);
  });
  afterEach(async () => {
    await node.remove();
    await killAll();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function acknowledgesMore(events: number): Promise<void> {
    const before = load.acknowledged();
    await until(() => assert.ok(load.acknowledged() >= before + events), ACKNOWLEDGED_WITHIN_MS);
  }

  async function assertAllArrives(): Promise<void> {
    await load.finish();
    await node.drained();
    assert.equal((await node.stopped(running)).code, 0, running.stderr.slice(-5_000));
  }

  it(`stopped for ${OUTAGE_MS / SECOND} s: goes on taking events, and all of them arrive once`, async () => {
    await server?.stop();
    const back = Date.now() + OUTAGE_MS;
    while (Date.now() < back) await acknowledgesMore(200);
    assert.deepEqual([...load.refusals], []);
    server = await startDevServer(options);
    await acknowledgesMore(500);
    await assertAllArrives();
  });

  it('killed and started again, twice: all events arrive once', async () => {
    for (let time = 0; time < 2; time++) {
      const { pid } = server as DevServer;
      process.kill(pid, 'SIGKILL');
      await acknowledgesMore(200);
      await until(async () => {
        server = await startDevServer(options);
      }, 30 * SECOND);
      await acknowledgesMore(500);
    }
    assert.deepEqual([...load.refusals], []);
    await assertAllArrives();
  });

  it('told to stop meanwhile: ends, and goes on with what the spool holds when Temporal is back', async () => {
    await server?.stop();
    await acknowledgesMore(500);
    const { code } = await running.signal('SIGTERM');
    assert.equal(code, 0, running.stderr.slice(-5_000));
    server = await startDevServer(options);
    running = await node.start();
    await assertAllArrives();
  });
});
