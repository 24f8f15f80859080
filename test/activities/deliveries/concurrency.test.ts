import assert from 'node:assert/strict';
import { Concurrency, type Slot } from '../../../src/activities/deliveries/concurrency.js';

describe('the concurrency of a subscription', () => {
  const never = new AbortController().signal;
  let now: number;
  let concurrency: Concurrency;

  beforeEach(() => {
    now = 1_000_000;
    concurrency = new Concurrency(() => now);
  });

  async function take(maxConcurrency = 32): Promise<Slot> {
    const slot = await concurrency.acquire(1, { maxConcurrency }, never);
    assert.ok(slot !== undefined);
    return slot;
  }

  /** As many as may be under way. */
  async function takeAll(maxConcurrency = 32): Promise<Slot[]> {
    const slots: Slot[] = [];
    while (concurrency.inFlight < Math.min(concurrency.limit, maxConcurrency))
      slots.push(await take(maxConcurrency));
    return slots;
  }

  /** One that waits; tells whether it has its slot by now. */
  function waiting(signal = never): { slot: Promise<Slot | undefined>; settled: () => Promise<boolean> } {
    let done = false;
    const slot = concurrency.acquire(1, { maxConcurrency: 32 }, signal).finally(() => (done = true));
    return { slot, settled: () => new Promise((tell) => setImmediate(() => tell(done))) };
  }

  it('begins at 1', async () => {
    await take();
    const second = waiting();
    assert.equal(await second.settled(), false);
  });

  it('doubles each round that goes well, up to the most', async () => {
    const limits: number[] = [];
    for (let round = 0; round < 6; round++) {
      for (const slot of await takeAll(20)) slot.release('success');
      limits.push(concurrency.limit);
    }
    assert.deepEqual(limits, [2, 4, 8, 16, 20, 20]);
  });

  it('halves at a failure, once for what was under way together, and not below 1', async () => {
    for (let round = 0; round < 4; round++) for (const slot of await takeAll()) slot.release('success');
    assert.equal(concurrency.limit, 16);
    const together = await takeAll();
    for (const slot of together.slice(0, 8)) slot.release('failure');
    assert.equal(concurrency.limit, 8);
    for (const slot of together.slice(8)) slot.release('failure');
    assert.equal(concurrency.limit, 8);
    for (let round = 0; round < 5; round++) (await take()).release('failure');
    assert.equal(concurrency.limit, 1);
  });

  it('is not moved by what says nothing', async () => {
    (await take()).release('neutral');
    assert.equal(concurrency.limit, 1);
  });

  it('follows a lower most at once', async () => {
    for (let round = 0; round < 4; round++) for (const slot of await takeAll()) slot.release('success');
    const slots = await takeAll(4);
    assert.equal(slots.length, 4);
  });

  it('gives what is freed to who came first', async () => {
    const held = await take();
    const [first, second] = [waiting(), waiting()];
    held.release('neutral');
    assert.deepEqual([await first.settled(), await second.settled()], [true, false]);
    (await first.slot)!.release('success');
    assert.equal(await second.settled(), true);
  });

  it('lets go of one that waits no longer, and passes its turn on', async () => {
    const held = await take();
    const calledOff = new AbortController();
    const [first, second] = [waiting(calledOff.signal), waiting()];
    held.release('neutral');
    calledOff.abort();
    (await first.slot)?.release('neutral');
    assert.equal(await second.settled(), true);
    assert.equal(concurrency.inFlight, 1);
  });

  it('gives nothing to one that was called off before', async () => {
    assert.equal(await concurrency.acquire(1, { maxConcurrency: 1 }, AbortSignal.abort()), undefined);
    assert.equal(concurrency.inFlight, 0);
  });

  it('sends no more events a second than it may, after a burst of two seconds', async () => {
    const limits = { maxConcurrency: 32, eventsPerSecond: 1_000 };
    const push = async (events: number): Promise<void> =>
      (await concurrency.acquire(events, limits, never))!.release('success');
    await push(1_990);
    await push(20);
    const last = push(1);
    let done = false;
    void last.then(() => (done = true));
    await new Promise(setImmediate);
    assert.ok(!done, 'in debt by 10 events, which take 10 ms');
    now += 11;
    await last;
  });
});
