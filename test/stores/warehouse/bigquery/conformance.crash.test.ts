import { BIGQUERY_FAULT_POINTS } from '../../../../src/platform/fault-point.js';
import { PROJECT, skipWithoutBigQuery, startBigQuery, type Emulator } from '../../../support/bigquery.js';
import { skipWithoutFakeGcs, startFakeGcs, type FakeGcs } from '../../../support/fake-gcs.js';
import { openWarehouse, type WarehousePlace } from '../../../support/warehouses.js';
import {
  describeKilledLoads,
  describeWarehouse,
  type StoredRow,
  type WarehouseHarness,
} from '../conformance.js';
import { Fixture } from '../fixture.js';

const BUCKET = 'headgate-batches';
/** The emulator looks through all datasets at each request: 8 ms of CPU with none, 20 with 40; a start takes 120. */
const TESTS_AN_EMULATOR = 8;

for (const [name, inBucket] of [
  ['the BigQuery warehouse, as every warehouse', false],
  ['the BigQuery warehouse of batches in a bucket, as every warehouse', true],
] as const)
  describe(name, function () {
    this.timeout(60_000);
    let emulator: Emulator | undefined;
    let gcs: FakeGcs | undefined;
    let fixture: Fixture;
    let place: WarehousePlace;
    let prefix: string;
    let tests = 0;

    before(async function () {
      skipWithoutBigQuery(this);
      if (inBucket) {
        skipWithoutFakeGcs(this);
        gcs = await startFakeGcs(BUCKET, undefined, 'EUROPE-WEST3');
      }
    });
    after(async () => {
      await emulator?.stop();
      await gcs?.stop();
    });
    beforeEach(async () => {
      if (tests % TESTS_AN_EMULATOR === 0) {
        await emulator?.stop();
        emulator = await startBigQuery(gcs?.endpoint);
      }
      // A dataset of its own for each tenant of each test.
      prefix = `test${++tests}`;
      const { endpoint } = emulator as Emulator;
      const bucket = gcs && { bucket: BUCKET, prefix, endpoint: gcs.endpoint };
      fixture = new Fixture('headgate-bigquery-', ({ dir }) =>
        openWarehouse((place = { kind: 'bigquery', endpoint, prefix, dir, bucket })),
      );
    });
    afterEach(() => fixture?.close());

    const from = (tenant: string, table: string) => `\`${PROJECT}.${prefix}_${tenant}.${table}\``;

    const harness = (): WarehouseHarness => ({
      fixture,
      place,
      // It reads a text in a JSON column as JSON once more, where BigQuery takes it as it is.
      noTexts: true,
      rows: async (table = 'events', tenant = 'UA') => {
        const data = table === 'decisions' ? 'NULL' : 'IF(data IS NULL, NULL, TO_JSON_STRING(data))';
        const select = `id, subject, UNIX_MICROS(time), ${data}, _batch_id, _load_id`;
        const rows = await (emulator as Emulator).rows(`SELECT ${select} FROM ${from(tenant, table)}`);
        return rows.map(([id, subject = null, time, data = null, batchId, loadId]) => {
          return { id, subject, time: Number(time), data, batchId, loadId } as StoredRow;
        });
      },
      shown: async (table = 'events', tenant = 'UA') => {
        const rows = await (emulator as Emulator).rows(`SELECT id FROM ${from(tenant, `${table}_deduped`)}`);
        return rows.map(([id]) => String(id));
      },
    });

    describeWarehouse(harness);
    describe('loads that are killed', () => describeKilledLoads(harness, BIGQUERY_FAULT_POINTS));
  });
