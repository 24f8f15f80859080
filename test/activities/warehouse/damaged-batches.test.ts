import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createLoadActivities } from '../../../src/activities/warehouse/load-batches.js';
import type { BatchRef } from '../../../src/events/event.js';
import { batchPath, createFileBatchStore } from '../../../src/stores/batch-store/file.js';
import { createParquetWarehouse } from '../../../src/stores/warehouse/parquet/parquet.js';
import type { Warehouse } from '../../../src/stores/warehouse/warehouse.js';
import { countInFiles, rowsInFiles } from '../../support/parquet.js';
import { printedSeed, Random } from '../../support/random.js';

const TENANT = 'UA';
const FLIPS = 120;
const EVENTS = 40;

describe('a batch whose file is damaged or gone', function () {
  this.timeout(60_000);
  let dir: string;
  let warehouse: Warehouse;
  const deadLettered: [batchId: string, reason: string][] = [];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-damaged-'));
    warehouse = createParquetWarehouse({ root: join(dir, 'warehouse') });
    deadLettered.splice(0);
  });
  afterEach(async () => {
    await warehouse.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const root = () => join(dir, 'batches');
  const loading = () =>
    createLoadActivities({
      warehouse,
      batchStore: createFileBatchStore(root()),
      holdLoads: async () => undefined,
      deadLetterBatch: async ({ batchId }, reason) => void deadLettered.push([batchId, reason]),
    });

  /** A batch whose events say themselves what they are worth. */
  function write(sequence: number): Promise<BatchRef> {
    const batchId = `20240310-0123abcd-${String(sequence).padStart(9, '0')}`;
    const lines = Array.from({ length: EVENTS }, (_, n) => {
      const id = `e${sequence}-${n}`;
      const at = '2024-03-10T12:00:00Z';
      return JSON.stringify({ id, time: at, received_at: at, data: { amount: worthOf(id) } });
    });
    const gzipped = gzipSync(`${lines.join('\n')}\n`);
    return createFileBatchStore(root()).write({ tenant: TENANT, stream: 'events', batchId }, gzipped, EVENTS);
  }

  const worthOf = (id: string): number => [...id].reduce((sum, c) => sum * 7 + c.charCodeAt(0), 1) / 100;

  const load = (batches: readonly BatchRef[], window: string) =>
    loading().loadBatches({
      tenant: TENANT,
      window,
      loadedAt: '2024-03-10T12:00:05.000Z',
      batches,
    });

  it(`is dead-lettered at ${FLIPS} flipped bits, nothing of it is loaded, and its neighbours are`, async () => {
    const random = new Random(printedSeed('the flipped bits'));
    for (let flip = 0; flip < FLIPS; flip++) {
      const [good, bad] = [await write(flip * 2), await write(flip * 2 + 1)];
      const path = batchPath(root(), bad);
      const bytes = readFileSync(path);
      const bit = Math.floor(random.between(0, bytes.length * 8));
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, bytes);
      const [result] = await load([bad, good], `window-${flip}`);
      assert.deepEqual([result?.loaded, result?.leftOut], [[good.batchId], EVENTS], `bit ${bit}`);
      assert.equal(deadLettered.at(-1)?.[0], bad.batchId);
      assert.match(deadLettered.at(-1)?.[1] ?? '', /^BATCH_CORRUPT: .* damaged/);
    }
    const rows = await rowsInFiles(join(dir, 'warehouse'), TENANT, 'events', `id, data->>'$.amount'`);
    const wrong = rows.filter(([id, amount]) => Number(amount) !== worthOf(String(id)));
    assert.deepEqual([rows.length, wrong], [FLIPS * EVENTS, []]);
    assert.equal(deadLettered.length, FLIPS);
  });

  it('is dead-lettered when its file is gone, and its neighbours are loaded', async () => {
    const [gone, kept] = [await write(1), await write(2)];
    rmSync(batchPath(root(), gone));
    const [result] = await load([gone, kept], 'window');
    assert.deepEqual([result?.loaded, result?.leftOut], [[kept.batchId], EVENTS]);
    assert.match(deadLettered[0]?.[1] ?? '', /^NOT_FOUND: .* gone/);
  });

  it('is not dead-lettered when the warehouse holds it', async () => {
    const [held, next] = [await write(1), await write(2)];
    await load([held], 'window-1');
    rmSync(batchPath(root(), held));
    const [result] = await load([held, next], 'window-2');
    assert.deepEqual([result?.loaded, result?.alreadyHeld], [[next.batchId], [held.batchId]]);
    assert.deepEqual([deadLettered, result?.leftOut], [[], undefined]);
  });

  it('may be all of a window', async () => {
    const gone = await write(1);
    rmSync(batchPath(root(), gone));
    const [result] = await load([gone], 'window');
    assert.deepEqual([result?.loaded, result?.alreadyHeld, result?.leftOut], [[], [], EVENTS]);
    assert.equal((await countInFiles(join(dir, 'warehouse'), TENANT)).events, 0);
  });
});
