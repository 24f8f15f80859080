import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Receipt } from '../../src/ingest/ingest.js';
import type { EventRow, InputStream } from '../../src/events/event.js';
import { Turns } from '../../src/platform/event-loop-turns.js';
import { linesOf } from '../support/events.js';
import { faultyDiskBeneath } from '../support/faulty-disk.js';
import { gate, type Gate } from '../support/gate.js';
import { openIngress, type Ingress, type IngressOptions } from '../support/ingress.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

function row(id: string): EventRow {
  return {
    specversion: '1.0',
    id,
    source: '/s',
    type: 't',
    time: '2024-01-01T00:00:00Z',
    received_at: '2024-01-01T00:00:00Z',
  };
}

describe('the way in', () => {
  const dir = useTempDir();
  let ingress: Ingress;
  let out: string[];
  let held: Gate | undefined;

  const onBatch: IngressOptions['onBatch'] = async (plan, records) => {
    await held?.passed;
    const rows = records.flatMap(({ events }) => linesOf<EventRow>(events));
    out.push(...rows.map(({ id }) => `${plan.tenant}/${plan.stream}/${id}`));
  };

  async function open(options: Partial<IngressOptions> = {}): Promise<void> {
    ingress = await openIngress(dir(), { onBatch, ...options });
  }

  beforeEach(async () => {
    out = [];
    held = undefined;
    await open();
  });
  afterEach(() => ingress.close());

  function accept(ids: string[], tenant = 'UA', stream: InputStream = 'events'): Promise<readonly Receipt[]> {
    return ingress.accept(tenant, stream, ids.map(row));
  }

  it('answers for each event in order, and hands on each once', async () => {
    assert.deepEqual(await accept(['a', 'b', 'a', 'c', 'b']), [
      'accepted',
      'accepted',
      'duplicate',
      'accepted',
      'duplicate',
    ]);
    assert.deepEqual(await accept(['c', 'd']), ['duplicate', 'accepted']);
    await ingress.drained();
    assert.deepEqual(
      out,
      ['a', 'b', 'c', 'd'].map((id) => `UA/events/${id}`),
    );
  });

  it('keeps tenants and streams apart', async () => {
    for (const [tenant, stream] of [
      ['UA', 'events'],
      ['UA', 'user-properties'],
      ['DL', 'events'],
    ] as const) {
      assert.deepEqual(await accept(['a'], tenant, stream), ['accepted']);
      assert.deepEqual(await accept(['a'], tenant, stream), ['duplicate']);
    }
    await ingress.drained();
    assert.deepEqual(out.sort(), ['DL/events/a', 'UA/events/a', 'UA/user-properties/a']);
  });

  it('knows after a restart what it took before, waiting or gone', async () => {
    await accept(['gone']);
    await ingress.drained();
    held = gate();
    await accept(['waiting']);
    await until(() => assert.equal(ingress.batcher.backlog('UA').bytes, 0), 2_000);
    const leaving = ingress.close();
    await new Promise(setImmediate);
    held.fail(new Error('the process stops'));
    await leaving;
    held = undefined;
    out = [];
    await open();
    assert.deepEqual(await accept(['gone', 'waiting', 'new']), ['duplicate', 'duplicate', 'accepted']);
    await ingress.drained();
    assert.deepEqual(out, ['UA/events/waiting', 'UA/events/new']);
  });

  it('does not answer a copy before the first copy is on disk', async () => {
    const flush = faultyDiskBeneath(ingress.spool).hold();
    const answers: string[] = [];
    const first = accept(['a', 'b']).then((result) => answers.push(`first ${result.join()}`));
    const copy = accept(['b', 'a']).then((result) => answers.push(`copy ${result.join()}`));
    const other = accept(['c'], 'DL').catch(() => undefined);
    await new Promise((later) => setTimeout(later, 50));
    assert.deepEqual(answers, []);
    flush.open();
    await Promise.all([first, copy, other]);
    assert.deepEqual(answers.sort(), ['copy duplicate,duplicate', 'first accepted,accepted']);
  });

  it('fails both copies when the flush fails, and takes the retry', async () => {
    const disk = faultyDiskBeneath(ingress.spool);
    const flush = disk.hold();
    const requests = [accept(['a']), accept(['a']), accept(['a', 'b'])];
    flush.fail(new Error('the disk is full'));
    const settled = await Promise.allSettled(requests);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    disk.letGo();
    // Until the state is what the spool has, requests are told to come again.
    assert.deepEqual(await until(() => accept(['a', 'b']), 5_000), ['accepted', 'accepted']);
    await ingress.drained();
    assert.deepEqual(out, ['UA/events/a', 'UA/events/b']);
  });

  it('takes each id once from many requests at the same time', async () => {
    const ids = Array.from({ length: 50 }, () => randomUUID());
    const requests = Array.from({ length: 40 }, (_, n) => accept([...ids.slice(n), ...ids.slice(0, n)]));
    const answers = (await Promise.all(requests)).flat();
    assert.equal(answers.filter((each) => each === 'accepted').length, 50);
    await ingress.drained();
    assert.deepEqual(out.sort(), ids.map((id) => `UA/events/${id}`).sort());
  });

  describe('with a request that takes longer than its share of a turn', () => {
    const ids = Array.from({ length: 40 }, (_, n) => `e${n}`);
    /** No share at all: a turn is over after one event. */
    const reopen = async (): Promise<void> => {
      await ingress.close();
      await open({ turns: new Turns({ shareMs: 0 }) });
    };

    it('writes it piece by piece, in order, each event once', async () => {
      await reopen();
      const long = accept([...ids, 'e0', 'e39']);
      assert.deepEqual(await accept(['e39', 'e40']), ['duplicate', 'accepted']);
      assert.deepEqual(await long, [...ids.map(() => 'accepted'), 'duplicate', 'duplicate']);
      assert.deepEqual(await accept(ids), ids.map(() => 'duplicate')); // prettier-ignore
      await ingress.drained();
      assert.deepEqual(out.toSorted(), [...ids, 'e40'].map((id) => `UA/events/${id}`).toSorted());
      const place = (id: string): number => out.indexOf(`UA/events/${id}`);
      assert.deepEqual(ids.toSorted((a, b) => place(a) - place(b)), ids); // prettier-ignore
    });

    it("answers another tenant's in the meantime", async () => {
      await reopen();
      const answers: string[] = [];
      const long = accept(ids).then(() => answers.push('UA'));
      await accept(['a'], 'DL').then(() => answers.push('DL'));
      await long;
      assert.deepEqual(answers, ['DL', 'UA']);
    });

    it('refuses it as a whole when a piece cannot be written, and takes the retry', async () => {
      await reopen();
      const disk = faultyDiskBeneath(ingress.spool);
      const flush = disk.hold();
      const long = accept(ids);
      flush.fail(new Error('the disk is full'));
      await assert.rejects(long);
      disk.letGo();
      const receipts = await until(() => accept(ids), 5_000);
      assert.equal(receipts.length, ids.length);
      await ingress.drained();
      assert.deepEqual(out.toSorted(), ids.map((id) => `UA/events/${id}`).toSorted());
    });
  });

  it('takes an id again once the window has passed over it', async () => {
    await ingress.close();
    await open({ dedupe: { windowMs: 1 } });
    await accept(['a']);
    await ingress.drained();
    await ingress.close();
    await new Promise((later) => setTimeout(later, 10));
    await open({ dedupe: { windowMs: 1 } });
    assert.deepEqual(await accept(['a']), ['accepted']);
  });

  it('answers only once Temporal has the batch, copies too, where that is asked for', async () => {
    await ingress.close();
    await open({ ack: 'started' });
    held = gate();
    const answers: string[] = [];
    const requests = [accept(['a']), accept(['a'])].map((each) =>
      each.then(([answer]) => answers.push(String(answer))),
    );
    await until(() => assert.ok(ingress.spool.bytes > 0), 2_000);
    await new Promise((later) => setTimeout(later, 50));
    assert.deepEqual(answers, []);
    held.open();
    await Promise.all(requests);
    assert.deepEqual(answers.sort(), ['accepted', 'duplicate']);
    assert.deepEqual(await accept(['a']), ['duplicate']);
  });

  it('takes nothing when it is closing, and waits for what it is writing', async () => {
    const flush = faultyDiskBeneath(ingress.spool).hold();
    const open = accept(['a']);
    let closed = false;
    const closing = ingress.ingest.close().then(() => (closed = true));
    await assert.rejects(accept(['b']), { code: 'SHUTTING_DOWN', retryable: true });
    await new Promise((later) => setTimeout(later, 20));
    assert.equal(closed, false);
    flush.open();
    assert.deepEqual(await open, ['accepted']);
    await closing;
  });

  it('describes a chunk by its types and its first and last event', async () => {
    held = gate();
    const types = Array.from({ length: 12 }, (_, n) => `t${String(11 - n).padStart(2, '0')}`);
    await ingress.accept(
      'UA',
      'events',
      types.map((type, n) => ({ ...row(`e${n}`), type })),
    );
    const [chunk] = [...ingress.spool.held()];
    const { head } = ingress.spool.read(chunk!);
    assert.deepEqual([head.events, head.firstEvent, head.lastEvent], [12, 'e0', 'e11']);
    assert.deepEqual(
      head.types,
      Array.from({ length: 8 }, (_, n) => `t0${n}`),
    );
    held.open();
  });
});
