import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyKind } from '../../src/stores/event-index/segment.js';
import { batchId, openIndexBench, row, writeRows, type IndexBench } from '../support/event-index.js';
import { useTempDir } from '../support/temp-dir.js';

const DAY = { tenant: 'UA', stream: 'events', day: '2026-03-10' } as const;

describe('the index of events', () => {
  const dir = useTempDir();

  async function find(bench: IndexBench, kind: KeyKind, key: string, day: typeof DAY | object = {}) {
    const { indexed, unindexed } = await bench.indexer.candidates({ ...DAY, ...day }, kind, key);
    return { indexed: [...indexed.keys()].sort(), unindexed: [...unindexed].sort() };
  }

  /** `count` batches of two events each, `e<n>a` and `e<n>b`, of the subjects `all` and `s<n>`. */
  async function fill(bench: IndexBench, from: number, count: number): Promise<void> {
    for (let number = from; number < from + count; number++) {
      const rows = [row(`e${number}a`, { subject: 'all' }), row(`e${number}b`, { subject: `s${number}` })];
      bench.indexer.written(
        { tenant: 'UA', stream: 'events', batchId: batchId(number) },
        await writeRows(bench.store, { batchId: batchId(number) }, rows),
      );
    }
  }

  const files = (bench: IndexBench): string[] =>
    readdirSync(join(bench.root, 'UA', 'events', '2026-03-10')).map((name) =>
      join(bench.root, 'UA', 'events', '2026-03-10', name),
    );

  it('names a batch that waits as one that may hold anything, and then the one that does', async () => {
    const bench = await openIndexBench(dir());
    await fill(bench, 0, 3);
    assert.deepEqual(await find(bench, 'id', 'e1b'), {
      indexed: [],
      unindexed: [batchId(0), batchId(1), batchId(2)],
    });
    await bench.indexer.flush(true);
    assert.deepEqual(await find(bench, 'id', 'e1b'), { indexed: [batchId(1)], unindexed: [] });
    assert.deepEqual(await find(bench, 'subject', 's2'), { indexed: [batchId(2)], unindexed: [] });
    assert.deepEqual(await find(bench, 'subject', 'e1b'), { indexed: [], unindexed: [] });
    assert.deepEqual((await find(bench, 'subject', 'all')).indexed, [batchId(0), batchId(1), batchId(2)]);
    assert.deepEqual(await find(bench, 'id', 'e1b', { tenant: 'DL' }), { indexed: [], unindexed: [] });
    assert.deepEqual(bench.warned, []);
  });

  it('finds all through merges, and keeps few files', async () => {
    const bench = await openIndexBench(dir(), { fanIn: 3 });
    for (let number = 0; number < 40; number++) {
      await fill(bench, number, 1);
      await bench.indexer.flush(true);
    }
    assert.ok(files(bench).length <= 8, String(files(bench)));
    for (let number = 0; number < 40; number++)
      assert.deepEqual((await find(bench, 'id', `e${number}a`)).indexed, [batchId(number)]);
    await bench.index.merge(DAY, true);
    assert.equal(files(bench).length, 1);
    assert.equal((await find(bench, 'subject', 'all')).indexed.length, 40);
    assert.deepEqual((await find(bench, 'id', 'e39b')).indexed, [batchId(39)]);
  });

  it('finds ids of every form, and hundreds of thousands of them', async () => {
    const bench = await openIndexBench(dir(), { fanIn: 2 });
    const odd = ['a"b', 'ünï', 'x\\y', '🙂', '{"id":"e1"}', ' ', 'a/b', '\u2028'];
    const rows = [...odd.map((id) => row(id)), ...Array.from({ length: 100_000 }, (_, at) => row(`n${at}`))];
    for (const number of [1, 2]) {
      const some = number === 1 ? rows : rows.map((each) => ({ ...each, id: `${each.id}!` }));
      await writeRows(bench.store, { batchId: batchId(number) }, some);
      await bench.indexer.look();
      await bench.indexer.flush(true);
    }
    for (const id of [...odd, 'n0', 'n1', 'n55555', 'n99999']) {
      assert.deepEqual((await find(bench, 'id', id)).indexed, [batchId(1)], id);
      assert.deepEqual((await find(bench, 'id', `${id}!`)).indexed, [batchId(2)], id);
    }
  });

  it('knows after a start which batches a killed process has not indexed', async () => {
    const first = await openIndexBench(dir());
    await fill(first, 0, 2);
    await first.indexer.flush(true);
    await fill(first, 2, 1);
    const second = await openIndexBench(dir());
    assert.deepEqual(await find(second, 'id', 'e2a'), { indexed: [], unindexed: [batchId(2)] });
    assert.deepEqual(await find(second, 'id', 'e0a'), { indexed: [batchId(0)], unindexed: [batchId(2)] });
    await second.indexer.flush(true);
    assert.deepEqual(await find(second, 'id', 'e2a'), { indexed: [batchId(2)], unindexed: [] });
  });

  it('builds the index of batches that were there before it, of all streams and days', async () => {
    const bench = await openIndexBench(dir());
    await writeRows(bench.store, { stream: 'user-properties', batchId: batchId(5, '20260309') }, [row('p')]);
    await writeRows(bench.store, { tenant: 'DL', batchId: batchId(6) }, [row('d')]);
    await bench.indexer.look();
    await bench.indexer.flush(true);
    const older = { stream: 'user-properties', day: '2026-03-09' };
    assert.deepEqual(await find(bench, 'id', 'p', older), {
      indexed: [batchId(5, '20260309')],
      unindexed: [],
    });
    assert.deepEqual((await find(bench, 'id', 'd', { tenant: 'DL' })).indexed, [batchId(6)]);
  });

  it('is deleted with the last batch of its day', async () => {
    const bench = await openIndexBench(dir());
    await fill(bench, 0, 2);
    await bench.indexer.flush(true);
    await bench.store.delete({ ...DAY, batchId: batchId(0) });
    await bench.indexer.look();
    assert.equal(files(bench).length, 1);
    await bench.store.delete({ ...DAY, batchId: batchId(1) });
    await bench.indexer.look();
    assert.deepEqual(await bench.index.days('UA', 'events'), []);
  });

  const DAMAGES: Readonly<Record<string, (path: string) => void>> = {
    'a bit in its entries': (path) => flip(path, 10),
    'a bit in its footer': (path) => flip(path, statSync(path).size - 40),
    'a bit in its last bytes': (path) => flip(path, statSync(path).size - 2),
    'its end': (path) => truncateSync(path, statSync(path).size - 20),
    'all of its bytes': (path) => truncateSync(path, 0),
    'the file': (path) => rmSync(path),
    'what was in it': (path) => writeFileSync(path, Buffer.alloc(500)),
  };
  for (const [what, damage] of Object.entries(DAMAGES)) {
    for (const when of ['while it runs', 'before it starts'] as const) {
      it(`notices that a file has lost ${what} ${when}, and makes it again`, async () => {
        let bench = await openIndexBench(dir());
        await fill(bench, 0, 3);
        await bench.indexer.flush(true);
        if (when === 'while it runs') await find(bench, 'id', 'e0a');
        damage(files(bench)[0]!);
        if (when === 'before it starts') bench = await openIndexBench(dir());
        const { indexed, unindexed } = await find(bench, 'id', 'e1a');
        // A footer that was read before the damage is as good as ever.
        assert.ok([...indexed, ...unindexed].includes(batchId(1)), 'the batch may be the one');
        await bench.indexer.look();
        await bench.indexer.flush(true);
        assert.deepEqual(await find(bench, 'id', 'e1a'), { indexed: [batchId(1)], unindexed: [] });
      });
    }
  }

  it('is made again when it is of another spool, whose hashes are others', async () => {
    const bench = await openIndexBench(dir());
    await fill(bench, 0, 1);
    await bench.indexer.flush(true);
    const again = await openIndexBench(dir(), { seeds: [9n, 8n] });
    assert.deepEqual(await find(again, 'id', 'e0a'), { indexed: [], unindexed: [batchId(0)] });
    assert.equal(again.damaged.length, 1);
  });
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = bytes[at]! ^ 0x10;
  writeFileSync(path, bytes);
}
