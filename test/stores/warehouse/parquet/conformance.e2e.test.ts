import { rowsInFiles } from '../../../support/parquet.js';
import { describeKilledLoads, describeWarehouse, type WarehouseHarness } from '../conformance.js';
import { Fixture } from '../fixture.js';

describe('the Parquet warehouse, as every warehouse', function () {
  this.timeout(30_000);
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
  });
  afterEach(() => fixture.close());

  const harness = (): WarehouseHarness => ({
    fixture,
    place: { kind: 'parquet', root: fixture.root },
    rows: async (table = 'events', tenant = 'UA') => {
      const data = table === 'decisions' ? 'NULL' : 'CAST(data AS VARCHAR)';
      const select = `id, subject, epoch_us(time), ${data}, batch_id, load_id`;
      return (await rowsInFiles(fixture.root, tenant, table, select)).map((row) => ({
        id: String(row[0]),
        subject: row[1] as string | null,
        time: Number(row[2]),
        data: row[3] as string | null,
        batchId: String(row[4]),
        loadId: String(row[5]),
      }));
    },
    shown: async (table = 'events', tenant = 'UA') =>
      (await fixture.rows(`SELECT id FROM ${table}`, tenant)).map(([id]) => String(id)),
  });

  describeWarehouse(harness);
  describe('loads that are killed', () =>
    describeKilledLoads(harness, ['parquet-rename.before', 'parquet-rename.after']));
});
