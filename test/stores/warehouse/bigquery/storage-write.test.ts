import { BIGQUERY_STREAM_FAULT_POINTS } from '../../../../src/platform/fault-point.js';
import { PROJECT } from '../../../support/bigquery.js';
import { skipWithoutBqemulator, startBqemulator, type WriteEmulator } from '../../../support/bqemulator.js';
import { openWarehouse, type WarehousePlace } from '../../../support/warehouses.js';
import {
  describeKilledLoads,
  describeWarehouse,
  type StoredRow,
  type WarehouseHarness,
} from '../conformance.js';
import { Fixture } from '../fixture.js';

describe('the BigQuery warehouse by the Storage Write API, as every warehouse', function () {
  this.timeout(60_000);
  let emulator: WriteEmulator | undefined;
  let fixture: Fixture;
  let place: WarehousePlace;
  let prefix: string;
  let tests = 0;

  before(async function () {
    this.timeout(90_000);
    skipWithoutBqemulator(this);
    emulator = await startBqemulator();
  });
  after(() => emulator?.stop());
  beforeEach(() => {
    // A dataset of its own for each tenant of each test.
    prefix = `test${++tests}`;
    const { endpoint, storageEndpoint } = emulator as WriteEmulator;
    const open = ({ dir }: Fixture) =>
      openWarehouse((place = { kind: 'bigquery', endpoint, storageEndpoint, prefix, dir }));
    fixture = new Fixture('headgate-storage-write-', open);
  });
  afterEach(() => fixture.close());

  const from = (tenant: string, name: string) => `\`${PROJECT}.${prefix}_${tenant}.${name}\``;

  const harness = (): WarehouseHarness => ({
    fixture,
    place,
    rows: async (table = 'events', tenant = 'UA') => {
      const data = table === 'decisions' ? 'NULL' : 'IF(data IS NULL, NULL, TO_JSON_STRING(data))';
      const select = `id, subject, UNIX_MICROS(time), ${data}, _batch_id, _load_id`;
      const rows = await (emulator as WriteEmulator).rows(`SELECT ${select} FROM ${from(tenant, table)}`);
      return rows.map(([id, subject = null, time, data = null, batchId, loadId]) => {
        return { id, subject, time: Number(time), data, batchId, loadId } as StoredRow;
      });
    },
    shown: async (table = 'events', tenant = 'UA') => {
      const rows = await (emulator as WriteEmulator).rows(
        `SELECT id FROM ${from(tenant, `${table}_deduped`)}`,
      );
      return rows.map(([id]) => String(id));
    },
  });

  describeWarehouse(harness);
  describe('loads that are killed', () => describeKilledLoads(harness, BIGQUERY_STREAM_FAULT_POINTS));
});
