import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { FaultPoint } from '../../../../src/platform/fault-point.js';
import type { BigQueryWriter } from '../../../../src/tenants/config/warehouse-config.js';
import { PROJECT, skipWithoutBigQuery, startBigQuery, type Emulator } from '../../../support/bigquery.js';
import { skipWithoutBqemulator, startBqemulator } from '../../../support/bqemulator.js';
import { printUntil } from '../../../support/print-until.js';
import { openWarehouse, type WarehousePlace } from '../../../support/warehouses.js';
import { batchId, event, Fixture } from '../fixture.js';

const CHILD = fileURLToPath(new URL('../load.fixture.ts', import.meta.url));

type Started = Pick<Emulator, 'endpoint' | 'storageEndpoint' | 'rows' | 'stop'>;

/** What a tenant goes over from, and the emulator that knows afterwards how that went. */
interface Switch {
  readonly first: BigQueryWriter;
  readonly then: BigQueryWriter;
  readonly skip: (context: Mocha.Context) => void;
  readonly start: () => Promise<Started>;
  /** Where a load of the first is killed. */
  readonly points: readonly FaultPoint[];
}

describe('a tenant that goes over from load jobs to the Storage Write API', () =>
  describeSwitch({
    first: 'load-jobs',
    then: 'storage-write',
    skip: skipWithoutBigQuery,
    start: startBigQuery,
    points: ['bigquery-claim.after', 'bigquery-submit.after'],
  }));

describe('a tenant that goes over from the Storage Write API to load jobs', () =>
  describeSwitch({
    first: 'storage-write',
    then: 'load-jobs',
    skip: skipWithoutBqemulator,
    start: startBqemulator,
    points: ['bigquery-claim.after', 'bigquery-append.after', 'bigquery-commit.after'],
  }));

function describeSwitch({ first, then, skip, start, points }: Switch): void {
  let emulator: Started | undefined;
  let fixture: Fixture;
  let writer: BigQueryWriter;
  let prefix: string;
  let tests = 0;

  before(async function () {
    this.timeout(90_000);
    skip(this);
    emulator = await start();
  });
  after(() => emulator?.stop());
  beforeEach(() => {
    prefix = `switched${++tests}`;
    writer = first;
    fixture = new Fixture('headgate-switched-', ({ dir }) => openWarehouse(placeIn(dir)));
  });
  afterEach(() => fixture.close());

  const placeIn = (dir: string): WarehousePlace => {
    const { endpoint, storageEndpoint } = emulator as Started;
    return { kind: 'bigquery', endpoint, storageEndpoint, writer, prefix, dir };
  };
  const goOver = async (): Promise<void> => {
    writer = then;
    await fixture.restart();
  };
  const stored = async (): Promise<string[][]> => {
    const table = `\`${PROJECT}.${prefix}_UA.events\``;
    const rows = await (emulator as Started).rows(`SELECT id, _load_id FROM ${table} ORDER BY id`);
    return rows.map((row) => row.map(String));
  };

  it('has no batch again that has come in', async () => {
    // No batch besides: what bqemulator says of a job are the rows of the whole table.
    const batches = [1, 2].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
    await fixture.load('w1', batches);
    await goOver();
    const { loaded, alreadyHeld } = await fixture.load('w2', batches);
    assert.deepEqual([loaded, alreadyHeld], [[], [batchId(1), batchId(2)]]);
    assert.deepEqual(await stored(), [
      ['e1', 'w1'],
      ['e2', 'w1'],
    ]);
  }).timeout(30_000);

  for (const point of points)
    it(`has every row once of a load that was killed at ${point}`, async () => {
      const batches = [1, 2].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
      const input = {
        tenant: 'UA',
        stream: 'events',
        loadId: 'w1',
        batches,
        day: '2024-03-10',
        loadedAt: '2024-03-10T12:00:05.000Z',
      };
      const killed = await printUntil(CHILD, [JSON.stringify([placeIn(fixture.dir), input, point, 1])], {});
      assert.equal(killed.signal, 'SIGKILL', killed.lines.join('\n'));
      await goOver();
      assert.deepEqual((await fixture.load('w1', batches)).loaded, [batchId(1), batchId(2)]);
      assert.deepEqual(await stored(), [
        ['e1', 'w1'],
        ['e2', 'w1'],
      ]);
    }).timeout(30_000);
}
