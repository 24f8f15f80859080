import assert from 'node:assert/strict';
import FakeTimers from '@sinonjs/fake-timers';
import type { BatchLimits, Plan } from '../../src/ingest/partition.js';
import { chunkOf, createBatcherBench, type BatcherBench, type BenchOptions } from '../support/batches.js';

describe('the batcher', () => {
  let bench: BatcherBench;
  let clock: ReturnType<typeof FakeTimers.install>;

  beforeEach(() => {
    const toFake = ['setTimeout', 'clearTimeout', 'Date', 'performance'] as const;
    clock = FakeTimers.install({ now: Date.UTC(2026, 0, 1), toFake: [...toFake] });
  });

  function open(options: BenchOptions = {}): BatcherBench {
    return (bench = createBatcherBench(options));
  }

  afterEach(async () => {
    for (const batch of bench.started) await batch.finish();
    await bench.batcher.stop();
    clock.uninstall();
  });

  it('lets an event linger for company when idle, and no longer', async () => {
    open({ limits: { lingerMs: 100 } });
    bench.add('UA');
    await clock.tickAsync(30);
    bench.add('UA');
    assert.deepEqual(bench.log(), []);
    await clock.tickAsync(69);
    assert.deepEqual(bench.log(), []);
    await clock.tickAsync(1);
    assert.deepEqual(bench.log(), ['UA/events:1,2']);
  });

  it('says how old the oldest event is until Temporal has it, also while its batch is on its way', async () => {
    open({ limits: { lingerMs: 0 } });
    const at = Date.now();
    bench.add('UA');
    assert.deepEqual([bench.log(), bench.batcher.oldestAt], [['UA/events:1'], at]);
    await clock.tickAsync(80_000);
    assert.equal(bench.batcher.oldestAt, at);
    bench.batcher.handedOver(bench.started[0]!.chunks);
    assert.equal(bench.batcher.oldestAt, undefined);
  });

  it('does not linger for an event that came while the clock was ahead', async () => {
    open({ limits: { lingerMs: 100 } });
    bench.add('UA', 1, { receivedAt: Date.now() + 72 * 3_600_000 });
    assert.deepEqual(bench.log(), ['UA/events:1']);
  });

  it('does not linger when a batch is full, by events or by bytes', () => {
    open({ limits: { lingerMs: 10_000, maxEvents: 10, maxBytes: 2_000 } });
    bench.add('UA', 4);
    bench.add('UA', 5);
    assert.deepEqual(bench.log(), []);
    bench.add('UA', 1);
    assert.deepEqual(bench.log(), ['UA/events:1,2,3']);
    bench.add('DL', 1, { bytes: 2_000 });
    assert.deepEqual(bench.log().slice(1), ['DL/events:4']);
  });

  it('closes a batch at its limits, but never splits a chunk', async () => {
    open({ limits: { maxEvents: 10, maxBytes: 5_000 } });
    bench.add('UA', 1);
    for (const events of [6, 4, 1, 25, 1]) bench.add('UA', events);
    bench.add('UA', 1, { bytes: 4_900 });
    bench.add('UA', 1, { bytes: 9_000 });
    for (let n = 0; n < 6; n++) await bench.started[n]?.finish();
    assert.deepEqual(
      bench.log().map((each) => each.slice('UA/events:'.length)),
      ['1', '2,3', '4', '5', '6,7', '8'],
    );
  });

  it('lets batches grow while all slots are taken', async () => {
    open({ slots: 1 });
    bench.add('DL');
    for (let n = 0; n < 50; n++) bench.add('UA');
    assert.deepEqual(bench.log(), ['DL/events:1']);
    await bench.started[0]?.finish();
    assert.equal(bench.started[1]?.seqs.length, 50);
  });

  it('has one batch of a partition on its way, and those of a partition in order', async () => {
    open();
    for (let n = 0; n < 3; n++) bench.add('UA', 60);
    assert.deepEqual(bench.log(), ['UA/events:1']);
    bench.add('DL');
    assert.deepEqual(bench.log().slice(1), ['DL/events:4'], 'other partitions go on meanwhile');
    await bench.started[0]?.finish();
    await bench.started[2]?.finish();
    assert.deepEqual(bench.log().slice(2), ['UA/events:2', 'UA/events:3']);
  });

  it('never has more batches in flight than slots', async () => {
    open({ slots: 3 });
    for (let n = 0; n < 10; n++) bench.add(`T${n}`);
    for (let done = 0; done < 10; done++) {
      assert.equal(bench.started.length - done, Math.min(3, 10 - done));
      await bench.started[done]?.finish();
    }
  });

  it('lets full batches go without a slot, each partition’s one after the other, up to a number', async () => {
    open({ slots: 1, maxInFlight: 3, limits: { maxEvents: 100 } });
    bench.add('BLOCK');
    for (const partition of ['UA', 'UA', 'DL', 'AA']) bench.add(partition, 100);
    bench.add('SMALL', 1);
    const names = (): string[] => bench.started.map(({ plan }) => plan.tenant);
    assert.deepEqual(names(), ['BLOCK', 'UA', 'DL']);
    await bench.started[1]?.finish();
    assert.deepEqual(names().slice(3), ['AA'], 'the next partition, not the same one again');
    await bench.started[2]?.finish();
    assert.deepEqual(names().slice(4), ['UA']);
    await bench.started[0]?.finish();
    assert.deepEqual(names().slice(5), ['SMALL'], 'it had to wait for the slot');
  });

  it('lets a small partition have its turn beside a big one', async () => {
    open({ slots: 1, limits: { maxEvents: 10_000 } });
    bench.add('BLOCK');
    for (let n = 0; n < 20; n++) bench.add('BIG', 10_000);
    bench.add('SMALL', 1);
    for (let n = 0; n < 3; n++) await bench.started[n]?.finish();
    assert.deepEqual(
      bench.started.slice(1, 4).map(({ plan }) => plan.tenant),
      ['BIG', 'SMALL', 'BIG'],
    );
  });

  it('gives partitions equal shares of events, however big their batches are', async () => {
    const limits = (tenant: string): BatchLimits => ({
      maxEvents: tenant === 'BIG' ? 50_000 : 10_000,
      maxBytes: Infinity,
      lingerMs: 0,
    });
    open({ slots: 1, maxInFlight: 1, limitsOf: limits });
    bench.add('BLOCK');
    for (let n = 0; n < 10; n++) bench.add('BIG', 50_000);
    for (let n = 0; n < 50; n++) bench.add('SMALL', 10_000);
    for (let n = 0; n < 25; n++) await bench.started[n]?.finish();
    const events = (name: string): number =>
      bench.started
        .filter(({ plan }) => plan.tenant === name)
        .reduce((sum, { plan }) => sum + plan.events, 0);
    assert.ok(Math.abs(events('BIG') - events('SMALL')) <= 60_000, `${events('BIG')} to ${events('SMALL')}`);
  });

  it('lets the streams of a tenant go out side by side: they were decided on before', () => {
    open();
    bench.add('UA/user-properties');
    bench.add('UA/events');
    assert.deepEqual(bench.log(), ['UA/user-properties:1', 'UA/events:2']);
  });

  it('gives the slot of a slow batch to others, and its partition no second batch', async () => {
    open({ slots: 1, slotMs: 100 });
    bench.add('SLOW');
    bench.add('SLOW');
    bench.add('UA');
    assert.deepEqual(bench.log(), ['SLOW/events:1']);
    await clock.tickAsync(99);
    assert.deepEqual(bench.log(), ['SLOW/events:1']);
    await clock.tickAsync(1);
    assert.deepEqual(bench.log(), ['SLOW/events:1', 'UA/events:3']);
    await bench.started[0]?.finish();
    assert.equal(bench.started.length, 2, 'its end gives back nothing twice');
    await bench.started[1]?.finish();
    assert.deepEqual(bench.log().slice(2), ['SLOW/events:2']);
  });

  it('lets the events of a tenant wait until it is configured', async () => {
    const known = new Set(['UA']);
    open({
      limitsOf: (tenant) => (known.has(tenant) ? { maxEvents: 10, maxBytes: 1e6, lingerMs: 0 } : undefined),
    });
    bench.add('NEW/events', 3);
    bench.add('NEW/user-properties', 3);
    bench.add('UA');
    await clock.tickAsync(20);
    assert.deepEqual(bench.log(), ['UA/events:3']);
    assert.equal(bench.batcher.backlog('NEW').bytes, 600);
    known.add('NEW');
    bench.batcher.reconsider('NEW');
    assert.deepEqual(bench.log().slice(1), ['NEW/events:1', 'NEW/user-properties:2']);
  });

  it('rests between small batches, but for those that are delivered only while the machine is busy', async () => {
    let [busy, delivers] = [1, true];
    // A batch takes 5 ms: a rest of a thousand times that is cut to the longest there is, a second.
    open({ slots: 1, restPerWork: 1_000, delivers: () => delivers, busyness: () => busy });
    const nextWaits = async (n: number): Promise<boolean> => {
      bench.add('UA');
      bench.add('UA');
      await clock.tickAsync(5);
      await bench.started[n]?.finish();
      await clock.tickAsync(50);
      return bench.started.length === n + 1;
    };
    assert.equal(await nextWaits(0), true);
    await clock.tickAsync(950);
    assert.equal(bench.started.length, 2);
    busy = 0.5;
    assert.equal(await nextWaits(1), false);
    delivers = false;
    assert.equal(await nextWaits(2), true);
  });

  it('goes on after a restart: planned batches first, as they were, then what waits', async () => {
    open({ now: () => Date.parse('2026-03-02T00:00:00Z') });
    const planned: Plan = {
      tenant: 'UA',
      stream: 'events',
      batchId: '20260301-0123abcd-00000000b',
      firstSeq: 11,
      lastSeq: 13,
      events: 2,
    };
    const started: Plan = {
      ...planned,
      tenant: 'DL',
      batchId: '20260301-0123abcd-000000005',
      firstSeq: 5,
      lastSeq: 9,
      started: true,
    };
    const waiting = [
      chunkOf('UA', 11),
      chunkOf('DL', 12),
      chunkOf('UA', 13),
      chunkOf('UA', 14),
      chunkOf('AA', 15),
    ];
    bench.recover([started, planned], waiting);
    assert.deepEqual(
      bench.started.slice(0, 2).map(({ plan }) => plan),
      [started, planned],
    );
    assert.deepEqual(bench.log(), ['DL/events:', 'UA/events:11,13', 'AA/events:15']);
    await bench.started[0]?.finish();
    await bench.started[1]?.finish();
    assert.deepEqual(bench.log().slice(3), ['DL/events:12', 'UA/events:14']);
    assert.equal(bench.started[4]?.plan.batchId.slice(0, 18), '20260302-0123abcd-');
  });

  it('goes on with what is left of a batch once no more chunks of it will come', async () => {
    open();
    const planOf = (tenant: string, lastSeq: number): Plan => ({
      tenant,
      stream: 'events',
      batchId: 'x',
      firstSeq: 1,
      lastSeq,
      events: 3,
    });
    bench.recover([planOf('A', 3), planOf('B', 3)], [chunkOf('A', 1), chunkOf('A', 2)]);
    assert.deepEqual(bench.log(), [], 'their last chunks may still come');
    bench.batcher.recovered();
    assert.deepEqual(bench.log(), ['A/events:1,2', 'B/events:']);
    await bench.started[1]?.finish();
    bench.add('B');
    assert.equal(bench.started.length, 3);
  });

  it('recovers more batches than it has slots, and starts no other before there is one', async () => {
    open({ slots: 1 });
    const plans = ['A', 'B', 'C'].map((tenant, n): Plan => ({
      tenant,
      stream: 'events',
      batchId: 'x',
      firstSeq: n + 1,
      lastSeq: n + 1,
      events: 1,
    }));
    bench.recover(plans, [chunkOf('A', 1), chunkOf('B', 2), chunkOf('C', 3), chunkOf('D', 4)]);
    assert.equal(bench.started.length, 3);
    await bench.started[0]?.finish();
    await bench.started[1]?.finish();
    assert.equal(bench.started.length, 3);
    await bench.started[2]?.finish();
    assert.deepEqual(bench.log().slice(3), ['D/events:4']);
  });

  it('names a batch, and plans what is in it', () => {
    open({ now: () => Date.parse('2026-03-01T23:59:59.999Z'), limits: { lingerMs: 0 } });
    bench.add('UA/user-properties', 7, { receivedAt: 0 });
    const [batch] = bench.started;
    assert.deepEqual(batch?.plan, {
      tenant: 'UA',
      stream: 'user-properties',
      batchId: batch?.plan.batchId,
      firstSeq: 1,
      lastSeq: 1,
      events: 7,
      bytes: 700,
    });
    assert.match(batch?.plan.batchId ?? '', /^20260301-0123abcd-/);
  });

  it('starts nothing once it is stopped, and waits for what is in flight', async () => {
    open({ slots: 1 });
    bench.add('UA');
    bench.add('UA');
    bench.add('DL');
    let stopped = false;
    const stopping = bench.batcher.stop().then(() => (stopped = true));
    bench.add('AA');
    await clock.tickAsync(10);
    assert.equal(stopped, false);
    await bench.started[0]?.finish();
    await stopping;
    assert.deepEqual(bench.log(), ['UA/events:1']);
    assert.deepEqual(bench.faults, []);
  });

  it('reports a batch that fails, stops its partition, and lets the others go on', async () => {
    open({ slots: 1 });
    bench.add('UA');
    bench.add('UA');
    bench.add('DL');
    await bench.started[0]?.fail(new Error('a fault'));
    assert.deepEqual(bench.faults.map(String), ['Error: a fault']);
    assert.deepEqual(bench.log(), ['UA/events:1', 'DL/events:3']);
  });

  it('does not report a batch that is given up because it was told to stop', async () => {
    open();
    bench.add('UA');
    const stopping = bench.batcher.stop();
    await bench.started[0]?.fail(new Error('stopping'));
    await stopping;
    assert.deepEqual(bench.faults, []);
  });

  it('tells a tenant’s backlog: bytes that wait, and since when', async () => {
    open({ slots: 1 });
    assert.deepEqual(bench.batcher.backlog('UA'), { bytes: 0 });
    bench.add('DL');
    bench.add('UA/events', 1, { receivedAt: 70 });
    bench.add('UA/user-properties', 2, { receivedAt: 50 });
    assert.deepEqual(bench.batcher.backlog('UA'), { bytes: 300, oldestAt: 50 });
    await bench.started[0]?.finish();
    await bench.started[1]?.finish();
    await bench.started[2]?.finish();
    assert.deepEqual(bench.batcher.backlog('UA'), { bytes: 0 });
  });
});
