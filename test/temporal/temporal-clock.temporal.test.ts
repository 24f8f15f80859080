import assert from 'node:assert/strict';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { assertClock, clockAheadMs } from '../../src/temporal/temporal-clock.js';
import { recordedLog } from '../support/log.js';
import { connect } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const MINUTE_MS = 60_000;

describe("Temporal's clock", function () {
  this.timeout(20_000);
  let connection: NativeConnection;
  let client: Client;
  const { log, lines } = recordedLog();

  before(async () => {
    connection = await connect();
    client = new Client({ connection, namespace: testNamespace() });
  });
  after(() => connection?.close());
  beforeEach(() => lines.splice(0));

  it('is read to within the time that asking takes', async () => {
    assert.ok(Math.abs(await clockAheadMs(client)) < 2_000);
    const ahead = await clockAheadMs(client, () => Date.now() + 5 * MINUTE_MS);
    assert.ok(Math.abs(ahead - 5 * MINUTE_MS) < 2_000, String(ahead));
  });

  it('refuses a clock that is minutes off, with what to do, unless that is allowed', async () => {
    const behind = { now: () => Date.now() - 5 * MINUTE_MS, log };
    await assert.rejects(assertClock(client, { ...behind, mostSeconds: 60 }), {
      code: 'CLOCK_WRONG',
      message: /\d+\.\d s behind Temporal's.*HEADGATE_MAX_CLOCK_DIFFERENCE_SECONDS=36\d/,
    });
    assert.equal(lines.length, 0);
    await assertClock(client, { ...behind, mostSeconds: 600 });
    assert.equal(lines[0]?.id, 'CLOCK_OFF');
    assert.ok(Math.abs(Number(lines[0].aheadSeconds) + 300) < 2, String(lines[0].aheadSeconds));
  });

  it('leaves no workflow behind that waits', async () => {
    await clockAheadMs(client);
    const query = 'WorkflowType = "headgate.clock" AND ExecutionStatus = "Running"';
    // What can be listed is a little behind.
    await until(async () => {
      for await (const { workflowId } of client.workflow.list({ query })) assert.fail(workflowId);
    }, 10_000);
  });
});
