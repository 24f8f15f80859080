import assert from 'node:assert/strict';
import type { InputStream } from '../../src/events/event.js';
import { Batched, type Batching, type Unbatched } from '../../src/ingest/batched.js';
import { createBatcherBench, type BatcherBench } from '../support/batches.js';
import { gate } from '../support/gate.js';

const BOTH: readonly InputStream[] = ['events', 'user-properties'];
const MINUTE = 60_000;
const NEVER = new AbortController().signal;

describe('what waits until events are in batches', () => {
  let bench: BatcherBench;
  let batched: Batched;
  let arriving: Promise<void>;
  const at = Date.now();

  beforeEach(() => {
    bench = createBatcherBench({ slots: 1, maxInFlight: 1, limits: { maxEvents: 10 } });
    arriving = Promise.resolve();
    batched = new Batched({
      unsent: (...partition) => bench.batcher.unsent(...partition),
      settledOf: () => arriving,
    });
  });
  afterEach(async () => {
    for (const batch of bench.started) await batch.finish();
    await bench.batcher.stop();
  });

  const add = (partition: string, events = 10, receivedAt = at) =>
    bench.add(partition, events, { receivedAt });
  /** As the starter does: Temporal has the batch, and later its workflow ends. */
  async function handOver(batch: number): Promise<void> {
    const { chunks } = bench.started[batch]!;
    bench.batcher.handedOver(chunks);
    batched.handedOver(chunks);
    await new Promise(setImmediate);
  }

  interface Waiting {
    ended: boolean;
    left: () => Unbatched;
    readonly end: Promise<void>;
  }

  /** Waits; by now what there is to wait for is known. */
  async function wait(more: { until?: number; streams?: readonly InputStream[]; signal?: AbortSignal } = {}) {
    const { until = at + 1, streams = BOTH, signal = NEVER } = more;
    const waiting = { ended: false, left: () => ({ events: 0 }) } as {
      -readonly [K in keyof Waiting]: Waiting[K];
    };
    const watch = (batching: Batching): Promise<void> => {
      waiting.left = () => batching.left();
      return batching.whenDone(signal);
    };
    waiting.end = batched.watch({ tenant: 'UA', streams, until }, signal, watch).then(() => {
      waiting.ended = true;
    });
    waiting.end.catch(() => undefined);
    await new Promise(setImmediate);
    return waiting;
  }

  it('is done at once where all of it is, and waits for no other tenant', async () => {
    add('DL');
    assert.equal((await wait()).ended, true);
  });

  it('waits for the batch on its way and for what waits behind it, and for nothing that comes later', async () => {
    for (let n = 0; n < 2; n++) add('UA');
    const waiting = await wait();
    add('UA');
    assert.deepEqual([waiting.ended, waiting.left()], [false, { events: 20, oldestAt: at }]);
    await handOver(0);
    assert.deepEqual([waiting.ended, waiting.left().events], [false, 10]);
    await bench.started[0]!.finish();
    await handOver(1);
    assert.deepEqual([waiting.ended, waiting.left()], [true, { events: 0 }]);
  });

  it('needs the hand-over alone, not the end of the workflow', async () => {
    add('UA');
    const waiting = await wait();
    await handOver(0);
    assert.equal(waiting.ended, true);
  });

  it('waits for each stream, or for one that is asked for', async () => {
    add('UA/user-properties', 3);
    const [both, events] = [await wait(), await wait({ streams: ['events'] })];
    assert.deepEqual([both.ended, both.left().events, events.ended], [false, 3, true]);
    await handOver(0);
    assert.equal(both.ended, true);
  });

  it('does not wait for what came well after the range', async () => {
    add('UA', 10, at + 20 * MINUTE);
    assert.equal((await wait()).ended, true);
    assert.equal((await wait({ until: at + 15 * MINUTE })).ended, false);
  });

  it('waits for requests that have come and are not in the spool yet', async () => {
    const come = gate();
    arriving = come.passed;
    const waiting = await wait();
    assert.equal(waiting.ended, false);
    add('UA', 7);
    come.open();
    await new Promise(setImmediate);
    assert.deepEqual([waiting.ended, waiting.left().events], [false, 7]);
    await handOver(0);
    assert.equal(waiting.ended, true);
  });

  it('waits until its own clock has passed the end of the range', async () => {
    const until = Date.now() + 50;
    const waiting = await wait({ until });
    assert.equal(waiting.ended, false);
    await waiting.end;
    assert.ok(Date.now() >= until);
  });

  it('ends with the signal, and remembers nothing of it', async () => {
    add('UA');
    const stopping = new AbortController();
    const waiting = await wait({ signal: stopping.signal });
    const reason = new Error('enough');
    stopping.abort(reason);
    await assert.rejects(waiting.end, reason);
    await handOver(0);
    assert.equal(waiting.ended, false);
  });
});
