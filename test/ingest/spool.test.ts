import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { InputStream } from '../../src/events/event.js';
import { FINGERPRINT_BYTES } from '../../src/ingest/fingerprint.js';
import type { Plan } from '../../src/ingest/partition.js';
import type { Chunk } from '../../src/events/chunk.js';
import { Spool } from '../../src/ingest/spool.js';
import { event, linesOf } from '../support/events.js';
import { faultyDiskBeneath } from '../support/faulty-disk.js';
import type { Gate } from '../support/gate.js';
import { appendTo, recordOf } from '../support/records.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const HOUR = 3_600_000;

describe('the spool', () => {
  const dir = useTempDir();
  let spool: Spool;

  beforeEach(() => {
    spool = new Spool(dir());
  });
  afterEach(() => spool.close());

  async function reopen(): Promise<void> {
    await spool.close();
    spool = new Spool(dir());
  }

  function append(
    id: string,
    more: { tenant?: string; stream?: InputStream; receivedAt?: number } = {},
  ): Promise<Chunk> {
    const { tenant = 'UA', stream = 'events', receivedAt = 0 } = more;
    const decided = { evaluated: 2, eligible: { late: 1 }, ndjson: `{"event_id":"${id}"}\n` };
    const [head, body] = recordOf(tenant, stream, [event(id, 0)], decided);
    return appendTo(spool, { ...head, receivedAt }, body);
  }

  function planOf(first: Chunk, last: Chunk): Plan {
    const { tenant, stream } = first;
    return {
      tenant,
      stream,
      batchId: `20240310-${spool.node}-000000001`,
      firstSeq: first.seq,
      lastSeq: last.seq,
      events: 2,
    };
  }

  const idOf = (chunk: Chunk): string => spool.read(chunk).head.firstEvent;
  const held = (): string[] => [...spool.held()].map(idOf);

  it('keeps what is appended, in order, over a restart', async () => {
    const chunks = await Promise.all(
      ['a', 'b', 'c'].map((id, n) => append(id, { tenant: n === 1 ? 'DL' : 'UA' })),
    );
    const look = () => ({
      held: [...spool.held()],
      bytes: spool.bytes,
      node: spool.node,
      seeds: spool.seeds,
    });
    const before = look();
    assert.deepEqual(
      before.held,
      chunks.map((chunk) => ({ ...chunk, handedOver: false })),
    );
    assert.equal(
      before.bytes,
      chunks.reduce((sum, { spoolBytes }) => sum + spoolBytes, 0),
    );
    await reopen();
    assert.deepEqual(look(), before);
    assert.deepEqual(held(), ['a', 'b', 'c']);
    assert.ok((await append('d')).seq > (chunks[2] as Chunk).seq);
  });

  it('forgets a tenant: events, plans and fingerprints; not its numbers, and nothing of others', async () => {
    const other = await append('o', { tenant: 'UA-2' });
    const batched = await append('a');
    await spool.plan(planOf(batched, batched));
    await spool.handOver(planOf(batched, batched), [batched]);
    await append('b', { stream: 'user-properties' });
    const left = await append('left');
    await spool.delete([left]);
    assert.equal(await spool.forgetTenant('UA'), 1);
    assert.deepEqual([held(), spool.bytes, spool.planned()], [['o'], other.spoolBytes, []]);
    assert.deepEqual(
      [...spool.keptPrints(0)].map(({ tenant }) => tenant),
      ['UA-2'],
    );
    await reopen();
    assert.deepEqual([held(), spool.bytes], [['o'], other.spoolBytes]);
    const next = await append('c');
    assert.ok(next.seq > left.seq, 'a number was given again, and a batch would have the id of another');
    assert.deepEqual(
      [...spool.held()].map(({ handedOver }) => handedOver),
      [false, false],
    );
  });

  it('keeps the decisions with the events, and what is said of both', async () => {
    const chunk = await append('a', { receivedAt: 7 });
    await reopen();
    const { head, events, decisions, prints } = spool.read(chunk);
    assert.deepEqual(head, {
      bytes: chunk.bytes,
      tenant: 'UA',
      stream: 'events',
      events: 1,
      receivedAt: 7,
      types: ['landed'],
      firstEvent: 'a',
      lastEvent: 'a',
      evaluated: 2,
      eligible: { late: 1 },
    });
    assert.deepEqual(linesOf(events), [event('a', 0)]);
    assert.equal(decisions.content.toString(), '{"event_id":"a"}\n');
    assert.equal(prints.toString(), 'a'.repeat(FINGERPRINT_BYTES));
  });

  it('takes text as it is', async () => {
    const chunk = await append('é ☃ 𝄞');
    await reopen();
    assert.deepEqual(linesOf(spool.read(chunk).events), [event('é ☃ 𝄞', 0)]);
  });

  it('says that a chunk is gone, rather than give out a batch with a hole', async () => {
    const chunk = await append('a');
    await spool.delete([chunk]);
    assert.throws(() => spool.read(chunk), { code: 'BATCH_CORRUPT' });
  });

  it('remembers which batch Temporal got last, and gives no id below those it knows', async () => {
    const [a, b] = (await Promise.all(['a', 'b'].map((id) => append(id)))) as [Chunk, Chunk];
    assert.equal(spool.lastStarted(), undefined);
    const ahead = (number: string): string => `20240310-${spool.node}-z0000000${number}`;
    await spool.handOver({ ...planOf(a, a), batchId: ahead('1') }, [a]);
    await spool.handOver({ ...planOf(b, b), batchId: ahead('2'), dead: true }, [b]);
    await reopen();
    assert.equal(spool.lastStarted()?.batchId, ahead('1'), 'Temporal does not have what is dead');
    assert.equal(spool.batchIds.next().slice(18), 'z00000003');
  });

  it('holds what Temporal has until it is told to let go, and keeps the plan until its workflow has ended', async () => {
    const [a, b, c] = (await Promise.all(['a', 'b', 'c'].map((id) => append(id)))) as [Chunk, Chunk, Chunk];
    const plan = planOf(a, b);
    const look = async () => {
      await reopen();
      return [spool.planned(), held(), [...spool.held()].map(({ handedOver }) => handedOver)];
    };
    await spool.plan(plan);
    assert.deepEqual(await look(), [[plan], ['a', 'b', 'c'], [false, false, false]]);
    await spool.handOver(plan, []);
    const started = { ...plan, started: true };
    assert.deepEqual(await look(), [[started], ['a', 'b', 'c'], [true, true, false]]);
    const { tenant, stream, batchId } = plan;
    assert.deepEqual(spool.lastStarted(), { tenant, stream, batchId });
    await spool.delete([a, b]);
    assert.equal(spool.bytes, c.spoolBytes);
    assert.deepEqual(await look(), [[started], ['c'], [false]]);
    assert.equal(spool.bytes, c.spoolBytes);
    await spool.finish(plan);
    assert.deepEqual(await look(), [[], ['c'], [false]]);
  });

  it('tells apart what was handed over of one partition and what of another', async () => {
    const chunks = await Promise.all([
      append('a'),
      append('b', { stream: 'user-properties' }),
      append('c', { tenant: 'DL' }),
      append('d'),
    ]);
    await spool.handOver(planOf(chunks[3]!, chunks[3]!), []);
    await spool.handOver(planOf(chunks[2]!, chunks[2]!), []);
    const waiting = [...spool.held()].filter(({ handedOver }) => !handedOver).map(idOf);
    assert.deepEqual(waiting, ['b']);
  });

  it('has one plan per partition', async () => {
    const partitions = await Promise.all([
      append('a'),
      append('b', { tenant: 'DL' }),
      append('c', { stream: 'user-properties' }),
    ]);
    for (const chunk of partitions) await spool.plan(planOf(chunk, chunk));
    assert.equal(spool.planned().length, 3);
    await spool.finish(planOf(partitions[1], partitions[1]));
    assert.deepEqual(
      spool
        .planned()
        .map(({ tenant, stream }) => [tenant, stream])
        .sort(),
      [
        ['UA', 'events'],
        ['UA', 'user-properties'],
      ],
    );
  });

  it('keeps fingerprints after the events have left, and forgets those before a time', async () => {
    for (let hour = 0; hour < 5; hour++) await append(String(hour), { receivedAt: hour * HOUR });
    const all = [...spool.held()];
    for (const chunk of all.slice(0, 4)) await spool.delete([chunk]);
    assert.equal(await spool.forgetPrints(2 * HOUR), 2);
    await reopen();
    const kept = (since: number): string[] =>
      [...spool.keptPrints(since)].map(({ prints }) => prints.toString());
    assert.deepEqual(
      kept(0),
      ['2', '3', '4'].map((id) => id.repeat(FINGERPRINT_BYTES)),
    );
    assert.deepEqual(kept(4 * HOUR), ['4'.repeat(FINGERPRINT_BYTES)]);
  });

  it('keeps the fingerprints of chunks that leave together together, in order, under their partition', async () => {
    const all = await Promise.all(['a', 'b', 'c'].map((id, n) => append(id, { receivedAt: n })));
    await spool.delete(all);
    await reopen();
    const prints = Buffer.from(['a', 'b', 'c'].map((id) => id.repeat(FINGERPRINT_BYTES)).join(''));
    assert.deepEqual([...spool.keptPrints(0)], [{ tenant: 'UA', stream: 'events', receivedAt: 2, prints }]);
  });

  it('forgets as many fingerprints as there are, so that they cannot pile up', async function () {
    this.timeout(60_000);
    const chunks: Chunk[] = [];
    for (let n = 0; n < 5; n++) {
      const ids = Array.from({ length: 1_000 }, (_, m) => `${n}-${m}`);
      chunks.push(...(await Promise.all(ids.map((id) => append(id)))));
    }
    await Promise.all(chunks.map((chunk) => spool.delete([chunk])));
    assert.equal([...spool.keptPrints(0)].length, 5_000);
    assert.equal(await spool.forgetPrints(HOUR), 5_000);
    assert.deepEqual([...spool.keptPrints(0)], []);
  });

  it('forgets what is old behind what came while the clock was ahead, and keeps that', async function () {
    this.timeout(60_000);
    const now = 100 * HOUR;
    const ids = (name: string) => Array.from({ length: 1_200 }, (_, n) => `${name}-${n}`);
    for (const [name, receivedAt] of [
      ['future', now + 72 * HOUR],
      ['old', now - 30 * HOUR],
    ] as const) {
      const chunks = await Promise.all(ids(name).map((id) => append(id, { receivedAt })));
      await Promise.all(chunks.map((chunk) => spool.delete([chunk])));
    }
    assert.equal(await spool.forgetPrints(now - 24 * HOUR, now), 1_200);
    assert.equal([...spool.keptPrints(0)].length, 1_200);
  });

  it('never gives a sequence number twice, even when all that came before is gone', async () => {
    const chunk = await append('a');
    const plan = planOf(chunk, chunk);
    await spool.plan(plan);
    await spool.handOver(plan, []);
    await spool.finish(plan);
    await spool.delete([chunk]);
    await spool.forgetPrints(24 * HOUR);
    await reopen();
    assert.deepEqual([held(), [...spool.keptPrints(0)], spool.planned()], [[], [], []]);
    assert.ok((await append('b')).seq > chunk.seq, 'a batch id would name two batches');
  });

  it('never gives a number that a plan has, nor one that the state has seen', async () => {
    const chunk = await append('a');
    await spool.plan({ ...planOf(chunk, chunk), lastSeq: 50 });
    await reopen();
    assert.equal(spool.reserve(), 51);
    spool.skipTo(70);
    assert.equal(spool.reserve(), 71);
    spool.skipTo(3);
    assert.equal(spool.reserve(), 72, 'it never goes back');
  });

  it('answers appends in the order of their numbers, also when one fails and when the disk does not', async () => {
    const disk = faultyDiskBeneath(spool);
    const answered: string[] = [];
    const gates: Gate[] = [];
    const appends = ['a', 'b', 'c', 'd'].map((id) => {
      gates.push(disk.hold());
      return append(id).then(
        () => answered.push(id),
        () => answered.push(`${id} failed`),
      );
    });
    let settled = false;
    void spool.settled().then(() => (settled = true));
    gates[3]?.open();
    gates[2]?.open();
    await until(() => assert.deepEqual([...spool.held()].length, 2), 5_000);
    assert.deepEqual(answered, [], 'they wait for those before them');
    gates[1]?.fail(new Error('the disk is full'));
    await until(() => assert.deepEqual(answered, ['b failed']), 5_000);
    assert.equal(settled, false);
    gates[0]?.open();
    await Promise.all(appends);
    assert.deepEqual(answered, ['b failed', 'a', 'c', 'd']);
    await spool.settled();
    assert.deepEqual(held(), ['a', 'c', 'd']);
    assert.equal(
      spool.bytes,
      [...spool.held()].reduce((sum, { spoolBytes }) => sum + spoolBytes, 0),
      'what failed is not counted',
    );
  });

  it('says of a write that fails that the disk is full, and that it may be tried again', async () => {
    faultyDiskBeneath(spool).failNext();
    await assert.rejects(append('a'), { code: 'DISK_FULL', retryable: true });
    await append('a');
    assert.deepEqual(held(), ['a']);
  });

  it('has a name and seeds of its own', async () => {
    const other = new Spool(join(dir(), 'other'));
    assert.match(other.node, /^[0-9a-f]{8}$/);
    assert.notEqual(other.node, spool.node);
    assert.notDeepEqual(other.seeds, spool.seeds);
    await other.close();
  });

  it('says whether it can be written', async () => {
    await spool.checkWritable();
    await reopen();
    assert.equal(held().length, 0);
  });
});
