import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAULT_POINTS, type FaultPoint } from '../../src/fault-point.js';
import { createCrashNode } from '../support/crash-node.js';
import { killAll, sharedTemporal } from '../support/headgate.js';
import { assertRouted, isRouted, WORKLOAD_ROUTES } from '../support/workload-routes.js';

/** Cases under way at once: much of their time is waiting for Temporal and for load windows. */
const SIDE_BY_SIDE = 4;

const DEAD_WITHIN_MS = 30_000;

/** How often a point is passed before the process dies there: in the midst of things, not at the first of them. */
const PASSES: Partial<Record<FaultPoint, number>> = { 'spool-flush.before': 25, 'spool-flush.after': 25 };
const USUAL_PASSES = 3;

describe('Headgate, killed at a fault point under load and started again', function () {
  this.timeout(240_000);
  const cases = new Map<FaultPoint, Promise<void>>();
  let over = false;
  let underWay = 0;

  after(async () => {
    over = true;
    // Of a run of some points alone, the next ones have begun.
    await Promise.allSettled(cases.values());
    await killAll();
  });

  /** The case of a point; those after it run meanwhile. */
  function outcomeOf(point: FaultPoint): Promise<void> {
    while (!cases.has(point) || underWay < SIDE_BY_SIDE) if (!beginNext(point)) break;
    return cases.get(point) as Promise<void>;
  }

  /** Begins the first case from `point` on that has not begun; false when all have. */
  function beginNext(point: FaultPoint): boolean {
    const next = FAULT_POINTS.slice(FAULT_POINTS.indexOf(point)).find((each) => !cases.has(each));
    if (next === undefined || over) return false;
    underWay++;
    const running = dieAndRecover(next).finally(() => {
      underWay--;
      beginNext(next);
    });
    // Looked at in its turn.
    running.catch(() => undefined);
    cases.set(next, running);
    return true;
  }

  for (const point of FAULT_POINTS) {
    it(`${point}: loses nothing, doubles nothing, decides right, delivers all`, () => outcomeOf(point));
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
