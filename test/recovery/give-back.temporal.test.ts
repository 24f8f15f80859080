import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { giveBackStarted, giveBackTokens } from '../../src/recovery/give-back.js';
import { temporalAddress, testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const { COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK } = proto.temporal.api.enums.v1.CommandType;
const seconds = (count: number): proto.google.protobuf.IDuration => ({ seconds: count as never });
/** The activity's heartbeat timeout is 30 s. */
const AT_ONCE_MS = 10_000;
const STAYS = new AbortController().signal;

interface Task {
  readonly token: Uint8Array;
  readonly attempt: number;
  readonly details: unknown;
}

describe('what a killed process held', function () {
  this.timeout(60_000);
  let connection: Connection;
  let client: Client;

  before(async () => {
    connection = await Connection.connect({ address: temporalAddress() });
    client = new Client({ connection, namespace: testNamespace() });
  });
  after(() => connection.close());

  /** A workflow that has scheduled an activity on a queue of its own. */
  async function scheduled(): Promise<string> {
    const name = `give-back-${randomUUID()}`;
    await client.workflow.start('any', { workflowId: name, taskQueue: name });
    const taskQueue = { name };
    const { workflowService } = connection;
    const task = await connection.withDeadline(Date.now() + AT_ONCE_MS, () =>
      workflowService.pollWorkflowTaskQueue({ namespace: testNamespace(), taskQueue }),
    );
    const scheduleActivityTaskCommandAttributes = {
      activityId: '1',
      activityType: { name: 'any' },
      taskQueue,
      startToCloseTimeout: seconds(300),
      heartbeatTimeout: seconds(30),
      retryPolicy: { initialInterval: seconds(60), backoffCoefficient: 1 },
    };
    await workflowService.respondWorkflowTaskCompleted({
      namespace: testNamespace(),
      taskToken: task.taskToken,
      commands: [{ commandType: COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK, scheduleActivityTaskCommandAttributes }],
    });
    return name;
  }

  async function take(queue: string, identity: string): Promise<Task> {
    const taskQueue = { name: queue };
    const task = await connection.withDeadline(Date.now() + AT_ONCE_MS, () =>
      connection.workflowService.pollActivityTaskQueue({ namespace: testNamespace(), taskQueue, identity }),
    );
    assert.ok(task.taskToken.length > 0, 'there is a task');
    const [payload] = task.heartbeatDetails?.payloads ?? [];
    const details = payload && defaultPayloadConverter.fromPayload(payload);
    return { token: task.taskToken, attempt: task.attempt, details };
  }

  it('is handed out again at once, with the heartbeat and as another attempt, whatever its retries wait', async () => {
    const queue = await scheduled();
    const first = await take(queue, 'killed');
    await client.activity.heartbeat(first.token, { soFar: 3 });
    assert.deepEqual(await giveBackTokens(client, [first.token]), { tasks: 1, untold: 0 });
    const second = await take(queue, 'next');
    assert.deepEqual([second.attempt, second.details], [2, { soFar: 3 }]);
    await client.workflow.getHandle(queue).terminate();
  });

  it('never fails what somebody else has by now, or what has ended', async () => {
    const queue = await scheduled();
    const first = await take(queue, 'killed');
    await giveBackTokens(client, [first.token]);
    const second = await take(queue, 'next');
    assert.deepEqual(await giveBackTokens(client, [first.token]), { tasks: 0, untold: 0 });
    await client.activity.complete(second.token, 'done');
    assert.deepEqual(await giveBackTokens(client, [second.token]), { tasks: 0, untold: 0 });
    await client.workflow.getHandle(queue).terminate();
  });

  it('is told apart from what could not be reported to Temporal', async () => {
    const torn = Buffer.from('half a token');
    assert.deepEqual(await giveBackTokens(client, [torn]), { tasks: 0, untold: 1 });
  });

  it('is found by its name where nobody had written it down, and others keep what they have', async () => {
    const [mine, others] = [await scheduled(), await scheduled()];
    const identity = `killed/${randomUUID()}`;
    await take(mine, identity);
    const kept = await take(others, `alive/${randomUUID()}`);
    // Visibility hears of a workflow a moment later.
    await until(async () => assert.equal((await giveBackStarted(client, identity, STAYS)).tasks, 1), 10_000);
    assert.equal((await take(mine, 'next')).attempt, 2);
    await client.activity.complete(kept.token, 'done');
    for (const each of [mine, others]) await client.workflow.getHandle(each).terminate();
  });
});
