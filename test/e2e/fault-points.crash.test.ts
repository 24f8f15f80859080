import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAULT_POINTS, type FaultPoint } from '../../src/platform/fault-point.js';
import { createCrashNode } from '../support/crash-node.js';
import { killAll, sharedTemporal } from '../support/headgate.js';
import { sideBySide } from '../support/side-by-side.js';
import { assertRouted, isRouted, WORKLOAD_ROUTES } from '../support/workload-routes.js';

/** Cases under way at once: much of their time is waiting for Temporal and for load windows. */
const SIDE_BY_SIDE = 4;

/** The longest a machine has taken that does other things as well: 30 s. */
const DEAD_WITHIN_MS = 120_000;

/** How often a point is passed before the process dies there: in the midst of things, not at the first of them. */
const PASSES: Partial<Record<FaultPoint, number>> = { 'spool-flush.before': 25, 'spool-flush.after': 25 };
const USUAL_PASSES = 3;

describe('Headgate, killed at a fault point under load and started again', function () {
  this.timeout(400_000);
  const cases = sideBySide(FAULT_POINTS, SIDE_BY_SIDE, dieAndRecover);
  after(async () => {
    await cases.stop();
    await killAll();
  });

  for (const point of FAULT_POINTS) {
    it(`${point}: loses nothing, doubles nothing, decides right, delivers all`, () => cases.outcomeOf(point));
  }
});

async function dieAndRecover(point: FaultPoint): Promise<void> {
  const name = point.replace('.', '-');
  const env = {
    ...(await sharedTemporal()),
    // A fast end of what is retried for ever at the end of a case.
    HEADGATE_SHUTDOWN_GRACE_SECONDS: '5',
  };
  const node = await createCrashNode(name, env, WORKLOAD_ROUTES);
  try {
    const doomed = await node.start({ HEADGATE_FAULT: `${point}:${PASSES[point] ?? USUAL_PASSES}` });
    const load = node.load();
    const death = await Promise.race([doomed.finished, sleep(DEAD_WITHIN_MS, undefined, { ref: false })]);
    assert.equal(death?.signal, 'SIGKILL', `the process has not died at ${point}:\n${doomed.stderr}`);
    const revived = await node.start();
    const before = load.acknowledged();
    while (load.acknowledged() === before || !isRouted(node.workloads)) await sleep(50);
    await load.finish();
    await node.drained();
    await Promise.all(node.workloads.map((workload) => assertRouted(node.url, node.dataDir, workload)));
    assert.equal((await node.stopped(revived)).code, 0, revived.stderr);
  } finally {
    await node.remove();
  }
}
