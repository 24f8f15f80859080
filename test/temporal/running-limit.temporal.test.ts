import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import { RunningLimit } from '../../src/temporal/running-limit.js';
import type { HeadgateError } from '../../src/errors.js';
import { searchAttributesOf } from '../../src/tenants/search-attributes.js';
import { temporalAddress, testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const TYPE = 'neverTakenUp';

describe('how many workflows of a tenant may run', function () {
  this.timeout(60_000);
  let client: Client;
  let limit: RunningLimit;
  let started = 0;

  before(async () => {
    const connection = await Connection.connect({ address: temporalAddress() });
    client = new Client({ connection, namespace: testNamespace() });
    limit = new RunningLimit({ client, workflowType: TYPE, what: 'replays', most: 5 });
  });
  after(() => client.connection.close());

  /** The workflow's id, or the code that it was refused with. */
  async function start(tenant: string): Promise<string> {
    const workflowId = `running-limit/${tenant}/${++started}`;
    try {
      await limit.start(tenant, workflowId, () =>
        client.workflow.start(TYPE, {
          workflowId,
          taskQueue: 'nobody',
          typedSearchAttributes: searchAttributesOf(tenant),
        }),
      );
      return workflowId;
    } catch (error) {
      const { code, retryAfterSeconds } = error as HeadgateError;
      return `${code} ${retryAfterSeconds}`;
    }
  }

  it('is exact, however many are asked for side by side, and each tenant has its own', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => start('rl-UA')));
    assert.equal(answers.filter((answer) => answer.startsWith('running-limit/')).length, 5);
    assert.equal(answers.filter((answer) => answer === 'TENANT_IN_FLIGHT_FULL 60').length, 25);
    assert.match(await start('rl-DL'), /^running-limit/);
  });

  it('has room again when one has ended, though it was never seen to run', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => start('rl-AA')));
    assert.equal(await start('rl-AA'), 'TENANT_IN_FLIGHT_FULL 60');
    await client.workflow.getHandle(ids[2]!).terminate();
    // Visibility may still say that it runs.
    await until(async () => assert.match(await start('rl-AA'), /^running-limit/), 10_000);
    assert.equal(await start('rl-AA'), 'TENANT_IN_FLIGHT_FULL 60');
  });

  it('leaves room for one that could not be started', async () => {
    const failing = limit.start('rl-BB', 'running-limit/rl-BB/none', () => Promise.reject(new Error('away')));
    await assert.rejects(failing, /away/);
    const answers = await Promise.all(Array.from({ length: 6 }, () => start('rl-BB')));
    assert.equal(answers.filter((answer) => answer.startsWith('running-limit/')).length, 5);
  });
});
