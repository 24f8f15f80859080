import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InputStream } from '../../src/event.js';
import type { Chunk, Plan } from '../../src/ingest/lane.js';
import { Spool } from '../../src/ingest/spool.js';
import { useTempDir } from '../support/temp-dir.js';

const HOUR = 3_600_000;
const FIXTURE = fileURLToPath(new URL('spool.fixture.ts', import.meta.url));

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
    const ndjson = Buffer.from(`{"id":"${id}"}\n`);
    return spool.append({
      tenant: 'UA',
      stream: 'events',
      events: 1,
      receivedAt: 0,
      types: ['a', 'b'],
      firstEvent: id,
      lastEvent: id,
      ndjson,
      prints: Buffer.alloc(16, id),
      ...more,
    });
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

  const waiting = (): string[] => [...spool.waiting()].map(({ firstEvent }) => firstEvent);

  it('keeps what is appended, in order, over a restart', async () => {
    const chunks = await Promise.all(
      ['a', 'b', 'c'].map((id, n) => append(id, { tenant: n === 1 ? 'DL' : 'UA' })),
    );
    const before = {
      waiting: [...spool.waiting()],
      bytes: spool.bytes,
      node: spool.node,
      seeds: spool.seeds,
    };
    assert.deepEqual(before.waiting, chunks);
    await reopen();
    assert.deepEqual(
      { waiting: [...spool.waiting()], bytes: spool.bytes, node: spool.node, seeds: spool.seeds },
      before,
    );
    assert.equal(spool.read(chunks).toString(), '{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n');
    assert.ok((await append('d')).seq > (chunks[2] as Chunk).seq);
  });

  it('takes bytes as they are', async () => {
    const chunk = await append('é ☃ 𝄞');
    await reopen();
    assert.equal(spool.read([chunk]).toString(), '{"id":"é ☃ 𝄞"}\n');
  });

  it('lets events go once Temporal has their batch, and keeps the plan until it is decided', async () => {
    const [a, b, c] = (await Promise.all(['a', 'b', 'c'].map((id) => append(id)))) as [Chunk, Chunk, Chunk];
    const plan = planOf(a, b);
    await spool.plan(plan);
    await reopen();
    assert.deepEqual([spool.planned(), waiting()], [[plan], ['a', 'b', 'c']]);
    await spool.release(plan, [a, b]);
    assert.equal(spool.bytes, c.bytes);
    await reopen();
    assert.deepEqual(
      [spool.planned(), waiting(), spool.bytes],
      [[{ ...plan, started: true }], ['c'], c.bytes],
    );
    await spool.finish(plan);
    await reopen();
    assert.deepEqual([spool.planned(), waiting()], [[], ['c']]);
  });

  it('has one plan per lane', async () => {
    const lanes = await Promise.all([
      append('a'),
      append('b', { tenant: 'DL' }),
      append('c', { stream: 'user-properties' }),
    ]);
    for (const chunk of lanes) await spool.plan(planOf(chunk, chunk));
    assert.equal(spool.planned().length, 3);
    await spool.finish(planOf(lanes[1], lanes[1]));
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
    const all = [...spool.waiting()];
    await spool.release(planOf(all[0] as Chunk, all[4] as Chunk), all);
    assert.equal(await spool.forgetPrints(2 * HOUR), 2);
    await reopen();
    const kept = (since: number): string[] =>
      [...spool.keptPrints(since)].map(({ prints }) => prints.toString());
    assert.deepEqual(
      kept(0),
      ['2', '3', '4'].map((id) => id.repeat(16)),
    );
    assert.deepEqual(kept(4 * HOUR), ['4'.repeat(16)]);
  });

  it('forgets as many fingerprints as there are, so that they cannot pile up', async function () {
    this.timeout(30_000);
    for (let n = 0; n < 25; n++) {
      await Promise.all(Array.from({ length: 1_000 }, (_, m) => append(`${n}-${m}`)));
    }
    assert.equal(await spool.forgetPrints(HOUR), 25_000 - 1);
    assert.deepEqual([...spool.keptPrints(0)].length, 1);
  });

  it('never gives a sequence number twice, even when all that came before is gone', async () => {
    const chunk = await append('a');
    const plan = planOf(chunk, chunk);
    await spool.plan(plan);
    await spool.release(plan, [chunk]);
    await spool.finish(plan);
    await spool.forgetPrints(24 * HOUR);
    await reopen();
    assert.ok((await append('b')).seq > chunk.seq, 'a batch id would name two batches');
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
    assert.equal(waiting().length, 0);
  });

  it('has every append that was acknowledged before the process was killed', async function () {
    this.timeout(20_000);
    await spool.close();
    for (const lines of [1, 300]) {
      const { printed, signal } = await appendUntil({ lines });
      assert.equal(signal, 'SIGKILL');
      assert.ok(printed.length >= lines);
      await assertKept(printed);
    }
    spool = new Spool(dir());
  });

  it('has every append that was acknowledged before the disk was full', async function () {
    this.timeout(20_000);
    if (process.platform === 'win32') return this.skip();
    await spool.close();
    const { printed, code } = await appendUntil({ blocks: 12_000 });
    assert.notEqual(code, 0, 'nothing may be acknowledged from there on');
    assert.ok(printed.length > 100);
    await assertKept(printed);
    spool = new Spool(dir());
  });

  /** Opens the spool, finds every acknowledged append in it, and empties it. */
  async function assertKept(acknowledged: readonly (readonly [seq: string, id: string])[]): Promise<void> {
    spool = new Spool(dir());
    const found = new Map([...spool.waiting()].map((chunk) => [chunk.seq, chunk]));
    for (const [seq, id] of acknowledged) {
      const chunk = found.get(Number(seq));
      assert.equal(chunk?.firstEvent, id);
      assert.match(spool.read([chunk as Chunk]).toString(), new RegExp(`^{"id":"${id}","pad":"x{500}"}\n$`));
    }
    assert.equal([...spool.keptPrints(0)].length >= found.size, true, 'with their fingerprints');
    assert.ok((await append('next')).seq > Math.max(...found.keys()));
    const all = [...spool.waiting()];
    await spool.release(planOf(all[0] as Chunk, all.at(-1) as Chunk), all);
    await spool.close();
  }

  interface Stopped {
    readonly printed: [seq: string, id: string][];
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
  }

  /** Runs the appending process until it has printed so many lines and kills it, or with a limit on its files' size (kB). */
  async function appendUntil({
    lines = Infinity,
    blocks,
  }: {
    lines?: number;
    blocks?: number;
  }): Promise<Stopped> {
    const command = `${blocks === undefined ? '' : `ulimit -f ${blocks};`} exec "$@"`;
    const args = ['-c', command, 'bash', process.execPath, '--import', 'tsx', FIXTURE, dir()];
    const child = spawn('bash', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let printed = '';
    child.stdout.on('data', (text: Buffer) => {
      printed += text.toString();
      if (printed.split('\n').length > lines) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const whole = printed.slice(0, printed.lastIndexOf('\n')).split('\n');
    return {
      printed: whole.map((line) => line.split(' ') as [string, string]),
      code: child.exitCode,
      signal: child.signalCode,
    };
  }
});
