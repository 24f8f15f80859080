import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCrashNode, type CrashNode } from '../support/crash-node.js';
import { failingSync, type FailingSync } from '../support/failing-sync.js';
import { killAll } from '../support/headgate.js';
import { createNamespaces } from '../support/namespaces.js';
import { temporalAddress } from '../support/temporal.js';
import { until } from '../support/until.js';

const SOON_MS = 30_000;
/** More than one checkpoint, every three seconds, that fails. */
const EVENTS_WHILE_FAILING = 6_000;

describe('Headgate, on a disk whose flushes fail under load', function () {
  this.timeout(240_000);
  let node: CrashNode;
  let directory: string;

  before(() => createNamespaces(['disk-failing']));
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'headgate-failing-sync-'));
  });
  afterEach(async () => {
    await killAll();
    await node.remove();
    await rm(directory, { recursive: true, force: true });
  });

  async function startOver(disk: FailingSync, name: string): ReturnType<CrashNode['start']> {
    node = await createCrashNode(name, {
      TEMPORAL_ADDRESS: temporalAddress(),
      TEMPORAL_NAMESPACE: 'disk-failing',
      ...disk.env,
    });
    return node.start();
  }

  it('of the spool: refuses what is not on disk, and goes on in the same process', async function () {
    const disk = failingSync(directory, '/spool/data.mdb', this);
    const running = await startOver(disk, 'failing-spool');
    // Several tenants' requests side by side: some meet the failure while others are written behind them.
    const load = node.load({ pauseMs: 0 });
    await until(() => assert.ok(load.acknowledged() > 300), SOON_MS);
    disk.fail();
    await until(() => assert.ok((load.refusals.get('503 DISK_FULL') ?? 0) > 10), SOON_MS);
    disk.mend();
    const before = load.acknowledged();
    await until(() => assert.ok(load.acknowledged() > before + 300), SOON_MS);
    for (const refusal of load.refusals.keys()) assert.match(refusal, /^503 (DISK_FULL|OVERLOADED)$/);
    await load.finish();
    await node.drained();
    assert.equal((await node.stopped(running)).code, 0, running.stderr);
  });

  it('of the state: goes on taking events into the spool, and recovers', async function () {
    const disk = failingSync(directory, '/state/data.mdb', this);
    const running = await startOver(disk, 'failing-state');
    const load = node.load();
    await until(() => assert.ok(load.acknowledged() > 300), SOON_MS);
    disk.fail();
    await until(() => assert.match(running.stderr, /could not be written/), SOON_MS);
    const before = load.acknowledged();
    await until(() => assert.ok(load.acknowledged() > before + EVENTS_WHILE_FAILING), 2 * SOON_MS);
    disk.mend();
    await load.finish();
    await node.drained();
    assert.equal((await node.stopped(running)).code, 0, running.stderr);
  });
});
