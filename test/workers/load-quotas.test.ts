import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { PastLoadJob } from '../../src/activities/warehouse/load-control/job-counts.js';
import { LoadBudget } from '../../src/activities/warehouse/load-control/load-budget.js';
import { HeadgateError } from '../../src/errors.js';
import { createFileLoadClaims } from '../../src/stores/load-claims/file.js';
import { createBigQueryWarehouse } from '../../src/stores/warehouse/bigquery/bigquery.js';
import {
  budgetLoads,
  observeLoads,
  paceLoads,
  type LoadObserver,
} from '../../src/workers/observed-warehouse.js';
import { batchId, event, Fixture } from '../stores/warehouse/fixture.js';
import { BigQueryServer, isInsert } from '../support/bigquery-server.js';
import { PROJECT } from '../support/bigquery.js';
import { bigQueryConfig } from '../support/warehouses.js';

const OF = { tenant: 'UA', project: PROJECT };

describe('loads that BigQuery finds too many', function () {
  this.timeout(30_000);
  let now: number;
  let server: BigQueryServer;
  let budget: LoadBudget;
  let paced: unknown[];
  let fixture: Fixture;

  beforeEach(async () => {
    now = Date.UTC(2026, 2, 1);
    server = new BigQueryServer();
    paced = [];
    budget = new LoadBudget({
      tenants: () => [OF],
      loadsSince: () => Promise.resolve<PastLoadJob[]>([]),
      log: { warn: () => undefined, info: () => undefined },
      now: () => now,
    });
    const endpoint = await server.listen();
    const learning = [budgetLoads(budget), paceLoads({ observe: (...seen) => paced.push(seen) })];
    const observer: LoadObserver = {
      loaded: (...load) => learning.forEach((each) => each.loaded(...load)),
      failed: (...load) => learning.forEach((each) => each.failed(...load)),
    };
    fixture = new Fixture('headgate-quotas-', ({ dir }) => {
      const bigQuery = createBigQueryWarehouse({
        endpoint,
        staging: join(dir, 'staging'),
        configOf: (tenant) => bigQueryConfig('d', tenant),
        claims: createFileLoadClaims(join(dir, 'claims')),
        onSubmit: (job) => budget.submitted(job),
      });
      return observeLoads(bigQuery, observer);
    });
  });
  afterEach(async () => {
    await fixture.close();
    await budget.close();
    server.close();
  });

  /** A load as the activity makes it: held back, or made. */
  async function load(loadId = 'w1', sequence = 1): Promise<string> {
    try {
      await budget.hold(OF, ['events']);
      await fixture.load(loadId, [fixture.batch(batchId(sequence), [event('a')])]);
      return 'loaded';
    } catch (error) {
      assert.ok(error instanceof HeadgateError && error.retryable, String(error));
      return `${error.code} ${error.retryAfterSeconds}`;
    }
  }

  it('wait for a minute, or as long as it says, then one goes; the pace hears nothing of it', async () => {
    server.refuse = (asked) => (isInsert(asked) ? { status: 403, reason: 'quotaExceeded' } : undefined);
    assert.equal(await load(), 'WAREHOUSE_QUOTA 300');
    assert.equal(await load(), 'WAREHOUSE_QUOTA 300');
    assert.equal(server.submitted().length, 1, 'the second one did not get there');
    now += 300_000;
    assert.equal(await load(), 'WAREHOUSE_QUOTA 300');
    assert.equal(await load(), 'WAREHOUSE_QUOTA 600', 'twice as long');
    assert.deepEqual(paced, []);
    assert.equal(budget.atLeastMs('UA'), 600_000);
  });

  it('go on as before when some have worked', async () => {
    server.refuse = (asked) => (isInsert(asked) ? { status: 429, reason: 'rateLimitExceeded' } : undefined);
    assert.equal(await load(), 'WAREHOUSE_QUOTA 30');
    server.refuse = () => undefined;
    assert.equal(await load(), 'WAREHOUSE_QUOTA 60');
    now += 60_000;
    assert.equal(await load(), 'loaded');
    assert.equal(await load('w2', 2), 'loaded');
    assert.equal(budget.atLeastMs('UA'), 0);
  });

  it('count also where they have failed, each job of them', async () => {
    const errorResult = { reason: 'backendError', message: 'try again' };
    server.outcome = () => ({ status: { state: 'DONE', errorResult } });
    for (let time = 0; time < 3; time += 1) assert.match(await load(), /^WAREHOUSE_UNAVAILABLE/);
    server.outcome = () => ({ status: { state: 'DONE' } });
    assert.equal(await load(), 'loaded');
    assert.equal(new Set(server.submitted()).size, 4);
    assert.equal(budget.usage()[0]?.used, 4);
    assert.equal(paced.length, 4);
  });

  it('are not made at all when 1,400 have been in 24 hours', async () => {
    for (let job = 0; job < 1_400; job += 1) budget.submitted({ ...OF, stream: 'events' });
    assert.equal(await load(), 'WAREHOUSE_QUOTA 900');
    assert.deepEqual(server.asked, []);
  });

  it('are told apart from loads that are refused, which the pace does not learn from either', async () => {
    server.refuse = (asked) => (isInsert(asked) ? { status: 403, reason: 'accessDenied' } : undefined);
    assert.match(await load(), /^WAREHOUSE_REFUSED/);
    assert.match(await load(), /^WAREHOUSE_REFUSED/, 'it is not slowed down: a pause is what holds it back');
    assert.deepEqual(paced, []);
  });
});
