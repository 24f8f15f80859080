import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createFileLoadClaims } from '../../../../src/stores/load-claims/file.js';
import { createBigQueryWarehouse } from '../../../../src/stores/warehouse/bigquery/bigquery.js';
import type { CountedJob } from '../../../../src/stores/warehouse/load-quotas.js';
import { PROJECT, skipWithoutBigQuery, startBigQuery, type Emulator } from '../../../support/bigquery.js';
import { bigQueryConfig } from '../../../support/warehouses.js';
import { batchId, decision, event, Fixture } from '../fixture.js';

describe('the load jobs that the BigQuery warehouse reports', function () {
  this.timeout(60_000);
  let emulator: Emulator | undefined;
  let fixture: Fixture | undefined;
  let told: CountedJob[];

  before(async function () {
    skipWithoutBigQuery(this);
    emulator = await startBigQuery();
  });
  after(() => emulator?.stop());
  beforeEach(() => {
    told = [];
    fixture = new Fixture('headgate-submitted-', ({ dir }) =>
      createBigQueryWarehouse({
        endpoint: emulator?.endpoint,
        staging: join(dir, 'staging'),
        claims: createFileLoadClaims(join(dir, 'claims')),
        configOf: (tenant) => bigQueryConfig('jobs', tenant),
        onSubmit: (job) => told.push(job),
      }),
    );
  });
  afterEach(() => fixture?.close());

  it('are those that it submits, each with its table, and none for what is loaded already', async () => {
    const events = fixture!.batch(batchId(1), [event('a')]);
    await fixture!.load('load-1', [events]);
    await fixture!.load('load-1', [events]);
    await fixture!.restart();
    await fixture!.load('load-2', [events]);
    await fixture!.load('load-2', [fixture!.batch(batchId(2), [decision('d')])], { stream: 'decisions' });
    assert.deepEqual(told, [
      { project: PROJECT, tenant: 'UA', stream: 'events' },
      { project: PROJECT, tenant: 'UA', stream: 'decisions' },
    ]);
  });
});
