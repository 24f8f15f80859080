import { BIGQUERY_FAULT_POINTS } from '../../../../src/fault-point.js';
import { PROJECT, skipWithoutBigQuery, startBigQuery, type Emulator } from '../../../support/bigquery.js';
import { openWarehouse, type WarehousePlace } from '../../../support/warehouses.js';
import {
  describeKilledLoads,
  describeWarehouse,
  type StoredRow,
  type WarehouseHarness,
} from '../conformance.js';
import { Fixture } from '../fixture.js';

describe('the BigQuery warehouse, as every warehouse', function () {
  this.timeout(60_000);
  let emulator: Emulator | undefined;
  let fixture: Fixture;
  let place: WarehousePlace;
  let prefix: string;
  let tests = 0;

  before(async function () {
    skipWithoutBigQuery(this);
    emulator = await startBigQuery();
  });
  after(() => emulator?.stop());
  beforeEach(() => {
    // A dataset of its own for each tenant of each test.
    prefix = `test${++tests}`;
    const { endpoint } = emulator as Emulator;
    const open = ({ dir }: Fixture) => openWarehouse((place = { kind: 'bigquery', endpoint, prefix, dir }));
    fixture = new Fixture('headgate-bigquery-', open);
  });
  afterEach(() => fixture.close());

  const from = (tenant: string, name: string) => `\`${PROJECT}.${prefix}_${tenant}.${name}\``;

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
