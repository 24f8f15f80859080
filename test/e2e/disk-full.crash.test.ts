import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createCrashNode, type CrashNode } from '../support/crash-node.js';
import { killAll, sharedTemporal, type HeadgateProcess } from '../support/headgate.js';
import type { Load } from '../support/load.js';
import { mountSmallDisk, skipWithoutMounts, type SmallDisk } from '../support/small-disk.js';
import { until } from '../support/until.js';

const DISK_MB = 32;
/** No reserve at all: what is written meets the end of the disk. */
const NO_RESERVE = '1b';
const SOON_MS = 60_000;
const EVENTS_WHILE_FULL = 1_500;
/** What the log says once something has met the end of the disk. */
const SAYS_WHY = /DISK_FULL|no room left|could not be written, the disk may be full/;

describe('Headgate, on a disk that gets full under load', function () {
  this.timeout(240_000);
  let node: CrashNode;
  let disk: SmallDisk;

  before(function () {
    skipWithoutMounts(this);
  });
  afterEach(async () => {
    await killAll();
    disk.unmount();
    await node.remove();
  });

  /** A node under load with one of its directories on a small disk, once things flow. */
  async function startOn(directory: string, reserve: string): Promise<[HeadgateProcess, Load]> {
    node = await createCrashNode(`full-${directory}-${reserve}`, {
      ...(await sharedTemporal()),
      HEADGATE_MIN_FREE_DISK: reserve,
      HEADGATE_SHUTDOWN_GRACE_SECONDS: '5',
    });
    disk = mountSmallDisk(join(node.dataDir, directory), DISK_MB);
    const running = await node.start();
    const load = node.load();
    await until(() => assert.ok(load.acknowledged() > 300), SOON_MS);
    return [running, load];
  }

  /** With room again everything that was acknowledged arrives once, in the same process. */
  async function assertRecovers(running: HeadgateProcess, load: Load): Promise<void> {
    disk.makeRoom();
    const before = load.acknowledged();
    await until(() => assert.ok(load.acknowledged() > before), SOON_MS);
    await load.finish();
    await node.drained();
    assert.equal((await node.stopped(running)).code, 0, running.stderr);
  }

  for (const [reserve, how] of [
    ['8MB', 'before its reserve is touched'],
    [NO_RESERVE, 'when a write fails'],
  ] as const) {
    it(`of the spool: answers 503 DISK_FULL ${how}, and recovers`, async () => {
      const [running, load] = await startOn('spool', reserve);
      disk.fill();
      // What has left the spool has left pages that are used again, but no run of them that is as long as this.
      for (const workload of node.workloads) workload.eventsPerRequest = 1_000;
      await until(() => assert.ok((load.refusals.get('503 DISK_FULL') ?? 0) > 10), SOON_MS);
      for (const workload of node.workloads) workload.eventsPerRequest = 20;
      assert.deepEqual([...load.refusals.keys()], ['503 DISK_FULL']);
      await assertRecovers(running, load);
    });
  }

  for (const directory of ['batches', 'warehouse', 'state']) {
    it(`of the ${directory}: goes on taking events into the spool, and recovers`, async () => {
      const [running, load] = await startOn(directory, NO_RESERVE);
      disk.fill();
      // Enough to use up the room that a database has made ahead; the state grows with what profiles hold.
      for (const workload of node.workloads) {
        if (directory === 'state') [workload.eventsPerRequest, workload.padding] = [10, 200_000];
        else workload.eventsPerRequest = 500;
      }
      const before = load.acknowledged();
      await until(() => assert.match(running.stderr, SAYS_WHY), SOON_MS);
      for (const workload of node.workloads) [workload.eventsPerRequest, workload.padding] = [20, 0];
      await until(() => assert.ok(load.acknowledged() > before + EVENTS_WHILE_FULL), SOON_MS);
      await assertRecovers(running, load);
    });
  }
});
