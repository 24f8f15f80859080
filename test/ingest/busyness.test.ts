import assert from 'node:assert/strict';
import { countersOfProcess, createBusyness, type BusynessCounters } from '../../src/ingest/busyness.js';

describe('how busy the machine is', () => {
  const counters = (loop: [number, number], machine: [number, number]): BusynessCounters => ({
    loop: { active: loop[0], idle: loop[1] },
    machine: { active: machine[0], idle: machine[1] },
  });

  it('is the share of the event loop or of the cores, whichever is more, since the look before', () => {
    let [now, seen] = [0, counters([100, 900], [500, 1_500])];
    const busyness = createBusyness(
      () => seen,
      () => now,
    );
    assert.equal(busyness(), 0, 'nothing has been seen yet');
    [now, seen] = [1_000, counters([1_000, 1_000], [1_500, 2_500])];
    assert.equal(busyness(), 0.9, 'the event loop');
    [now, seen] = [2_000, counters([1_000, 2_000], [3_500, 2_500])];
    assert.equal(busyness(), 1, 'the cores');
    [now, seen] = [3_000, counters([1_000, 3_000], [3_500, 4_500])];
    assert.equal(busyness(), 0);
  });

  it('stays what it was for a quarter of a second, and is not asked for meanwhile', () => {
    let [now, looks] = [0, 0];
    const busyness = createBusyness(
      () => counters([++looks * 10, 0], [0, 0]),
      () => now,
    );
    for (now = 0; now < 250; now += 50) busyness();
    assert.equal(looks, 1);
    now = 250;
    assert.equal(busyness(), 1);
    assert.equal(looks, 2);
  });

  it('is near one after a while in which nothing else could run', () => {
    const before = countersOfProcess();
    const until = performance.now() + 100;
    while (performance.now() < until);
    const after = countersOfProcess();
    const active = after.loop.active - before.loop.active;
    const idle = after.loop.idle - before.loop.idle;
    assert.ok(active >= 99 && idle < 5, `${active} ms active, ${idle} ms idle`);
  });

  it('is a share, and stays what it was for a moment', () => {
    const busyness = createBusyness();
    const share = busyness();
    assert.ok(share >= 0 && share <= 1, `${share}`);
    assert.equal(busyness(), share);
  });
});
