import { join } from 'node:path';
import { createFileLoadClaims } from '../../src/stores/load-claims/file.js';
import { createBigQueryWarehouse } from '../../src/stores/warehouse/bigquery/bigquery.js';
import { Fixture } from '../stores/warehouse/fixture.js';
import { BigQueryServer } from './bigquery-server.js';
import { bigQueryConfig } from './warehouses.js';

/** A warehouse over a server that answers as BigQuery does, and loads nothing. */
export interface ServedWarehouse {
  readonly server: BigQueryServer;
  readonly endpoint: string;
  readonly fixture: Fixture;
  /** What every tenant's configuration says besides the usual; read anew at each load. */
  config: object;
}

/**
 * A server and a warehouse of its own for each test of the suite it is called in, whose datasets are `d_<tenant>`.
 * Returns how to get at them, from the hooks on that stand below the call.
 */
export function useServedWarehouse(): () => ServedWarehouse {
  let served: ServedWarehouse | undefined;
  beforeEach(async () => {
    const server = new BigQueryServer();
    const endpoint = await server.listen();
    const open = ({ dir }: Fixture) =>
      createBigQueryWarehouse({
        endpoint,
        staging: join(dir, 'staging'),
        configOf: (tenant) => bigQueryConfig('d', tenant, served?.config),
        claims: createFileLoadClaims(join(dir, 'claims')),
      });
    served = { server, endpoint, fixture: new Fixture('headgate-bigquery-', open), config: {} };
  });
  afterEach(async () => {
    await served?.fixture.close();
    served?.server.close();
    served = undefined;
  });
  return () => served as ServedWarehouse;
}
