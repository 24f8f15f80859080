import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createReloadRows } from '../../../src/dead-letters/reload-rows.js';
import { createLoadActivities } from '../../../src/activities/warehouse/load-batches.js';
import { createRestartBatch } from '../../../src/dead-letters/restart-batch.js';
import { linesOf } from '../../../src/stores/batch-store/batch-lines.js';
import { deadEventsOf } from '../../../src/dead-letters/contents.js';
import type { HeadgateError } from '../../../src/errors.js';
import type { BatchRef } from '../../../src/events/event.js';
import { openLeasedBatch } from '../../../src/pull/open-leased-batch.js';
import type { BatchStore } from '../../../src/stores/batch-store/batch-store.js';
import { batchPath, createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { identified } from '../../../src/stores/batch-store/identified.js';
import { localStoreIdentity } from '../../../src/stores/batch-store/store-identity.js';
import { createFileQuarantine } from '../../../src/stores/quarantine/file.js';
import { createParquetWarehouse } from '../../../src/stores/warehouse/parquet/parquet.js';
import { MockActivityEnvironment } from '@temporalio/testing';
import { useTempDir } from '../../support/temp-dir.js';

const NAME = { tenant: 'UA', stream: 'events', batchId: '20260301-0123abcd-000000001' } as const;
const LINE = JSON.stringify({
  specversion: '1.0',
  id: 'e1',
  source: '/s',
  type: 't',
  time: '2026-03-01T00:00:00Z',
});

const UNREACHABLE = { code: 'BATCH_UNREACHABLE', retryable: true };

describe('a batch store that knows which one it is', function () {
  this.timeout(20_000);
  const dir = useTempDir();
  const rootOf = (name: string): string => join(dir(), name, 'batches');
  const identityOf = (name: string) => localStoreIdentity(rootOf(name));
  const open = (name: string, bound?: string): BatchStore =>
    identified(
      createFileBatchStore(rootOf(name)),
      identityOf(name),
      bound === undefined ? undefined : async () => bound,
    );
  const write = (store: BatchStore): Promise<BatchRef> => store.write(NAME, gzipSync(`${LINE}\n`), 1);

  it('keeps its id over restarts, and is the same for all that open it at once', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => identityOf('a').id()));
    assert.equal(new Set(ids).size, 1);
    assert.match(ids[0] ?? '', /^[0-9a-f]{16}$/);
    assert.equal(await identityOf('a').id(), ids[0]);
    assert.notEqual(await identityOf('b').id(), ids[0]);
  });

  it('says in each reference which store it is of', async () => {
    const id = await identityOf('a').id();
    const ref = await write(open('a'));
    assert.equal(ref.store, id);
    assert.deepEqual(await open('a').ref(NAME), ref);
    assert.deepEqual((await open('a').open(NAME)).ref, ref);
    assert.deepEqual(await write(open('a')), ref);
  });

  it('tells what is gone from what is in another store', async () => {
    const ref = await write(open('a'));
    await assert.rejects(open('b').read(ref), UNREACHABLE);
    await assert.rejects(open('b').localFiles([ref]), UNREACHABLE);
    rmSync(batchPath(rootOf('a'), NAME));
    await assert.rejects(open('a').read(ref), { code: 'NOT_FOUND' });
    const { paths } = await open('a').localFiles([ref]);
    assert.equal(paths.length, 1);
  });

  it('names the stores, and what to do, to whoever is looking for a batch', async () => {
    const ref = await write(open('a'));
    await assert.rejects(open('b').read(ref), (error: HeadgateError) => {
      for (const part of [NAME.batchId, ref.store as string, 'HEADGATE_DATA_DIR', 'headgate namespace lost'])
        assert.ok(error.message.includes(part), part);
      assert.ok(!error.message.includes('\n'));
      return true;
    });
  });

  it('reads what was brought along from another store', async () => {
    const ref = await write(open('a'));
    cpSync(join(rootOf('a'), 'UA'), join(rootOf('b'), 'UA'), { recursive: true });
    assert.equal((await open('b').read(ref)).toString('utf8'), `${LINE}\n`);
    const { paths } = await open('b').localFiles([ref]);
    assert.equal(gunzipSync(readFileSync(paths[0] as string)).toString('utf8'), `${LINE}\n`);
  });

  it('does not take another batch of the same name for a damaged one', async () => {
    const ref = await write(open('a'));
    await open('b').write(NAME, gzipSync('{}\n'), 1);
    await assert.rejects(open('b').read(ref), UNREACHABLE);
    writeFileSync(batchPath(rootOf('a'), NAME), gzipSync('{}\n'));
    await assert.rejects(open('a').read(ref), { code: 'BATCH_CORRUPT' });
  });

  it('goes by the store of the namespace where a reference of an earlier version says none', async () => {
    const { store, ...old } = await write(open('a'));
    await assert.rejects(open('b').read(old), { code: 'NOT_FOUND' });
    await assert.rejects(open('b', store).read(old), UNREACHABLE);
    await assert.rejects(open('b', store).localFiles([old]), UNREACHABLE);
    await assert.rejects(open('b', await identityOf('b').id()).read(old), { code: 'NOT_FOUND' });
    assert.equal((await open('a', store).read(old)).toString('utf8'), `${LINE}\n`);
  });

  it('lists nothing for a namespace whose batches are in another store', async () => {
    const { store } = await write(open('a'));
    const all = async (from: BatchStore) => {
      const names = [];
      for await (const name of from.list({ tenant: 'UA', stream: 'events' })) names.push(name);
      return names;
    };
    await assert.rejects(all(open('b', store)), UNREACHABLE);
    assert.deepEqual(await all(open('a', store)), [NAME]);
  });

  it('stands for a store that is gone for good once it is told so, also in processes that run', async () => {
    const ref = await write(open('a'));
    const running = open('b');
    await assert.rejects(running.read(ref), UNREACHABLE);
    await identityOf('b').adopt(ref.store as string);
    await identityOf('b').adopt(ref.store as string);
    await assert.rejects(running.read(ref), { code: 'NOT_FOUND' });
    assert.deepEqual(JSON.parse(readFileSync(join(rootOf('b'), '.store.json'), 'utf8')), {
      id: await identityOf('b').id(),
      standsFor: [ref.store],
    });
  });

  for (const left of ['', '{', 'null', '{"id":"../../etc"}', '{"id":7}'])
    it(`does not go on as another store where ${JSON.stringify(left)} is left of what it is`, async () => {
      mkdirSync(rootOf('a'), { recursive: true });
      writeFileSync(join(rootOf('a'), '.store.json'), left);
      await assert.rejects(identityOf('a').id(), { code: 'BATCH_STORE_REFUSED' });
    });

  describe('is why a worker elsewhere tries again and gives nothing up', () => {
    let ref: BatchRef;
    let elsewhere: BatchStore;

    beforeEach(async () => {
      ref = await write(open('a'));
      elsewhere = open('b');
    });

    /** Told of what is given up. */
    const never = (): never => assert.fail('something was given up');

    it('when it loads', async () => {
      const warehouse = createParquetWarehouse({ root: join(dir(), 'b', 'warehouse') });
      try {
        const { loadBatches } = createLoadActivities({
          warehouse,
          batchStore: elsewhere,
          holdLoads: () => Promise.resolve(),
          pauseLoads: never,
          deadLetterRows: never,
        });
        const input = { tenant: 'UA', window: 'w', loadedAt: '2026-03-01T00:00:00Z', batches: [ref] };
        await assert.rejects(new MockActivityEnvironment().run(loadBatches, input), {
          type: 'BATCH_UNREACHABLE',
          nonRetryable: false,
        });
      } finally {
        await warehouse.close();
      }
    });

    it('when it delivers by push or workflows, or dead-letters', async () => {
      await assert.rejects(linesOf(elsewhere, ref), UNREACHABLE);
    });

    it('when it leases events out', async () => {
      const pass = { input: { batch: ref }, complete: never };
      await assert.rejects(openLeasedBatch(pass as never, { batchStore: elsewhere } as never), UNREACHABLE);
    });

    it('when it redrives rows, or a start that was refused', async () => {
      const redrive = createReloadRows({
        batchStore: elsewhere,
        deadLetterEvents: never,
        expiresAtOf: never,
        announce: never,
      });
      await assert.rejects(redrive({ batch: ref, cause: 'c' } as never), UNREACHABLE);
      const restart = createRestartBatch({
        client: {} as never,
        isolationOf: () => 'pooled',
        batchStore: elsewhere,
        quarantine: createFileQuarantine(join(dir(), 'b', 'quarantine')),
        deadLetterIngest: never,
      });
      await assert.rejects(restart({ batch: ref, cause: 'c' } as never), UNREACHABLE);
    });

    it('when it shows dead letters', async () => {
      await assert.rejects(
        deadEventsOf(elsewhere, { delivery: { batch: ref }, dead: { count: 1 } } as never),
        UNREACHABLE,
      );
    });
  });
});
