import assert from 'node:assert/strict';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createResolveActivities } from '../../src/activities/dead-letters/resolve.js';
import { redriveWorkflowId } from '../../src/tenants/workflow-ids.js';
import { poolQueue, tenantQueue } from '../../src/tenants/queues.js';
import type { DeadLetterResult } from '../../src/workflows/messages/deliveries.js';
import type { DeadLetterCount, ResolveInput, ResolveResult } from '../../src/workflows/messages/resolve.js';
import { deadLetterEvents, type DeadLettered } from '../support/dead-letters.js';
import { startPipeline, type Pipeline } from '../support/pipeline.js';
import { until } from '../support/until.js';

describe('the workflow resolveDeadLetters', function () {
  this.timeout(60_000);
  const tenant = 'resolve-a';
  let pipeline: Pipeline;
  let deadLettered: DeadLettered[];

  before(async () => {
    pipeline = await startPipeline({ [tenant]: {}, 'resolve-b': {} });
  });
  after(() => pipeline.stop());
  beforeEach(async () => {
    deadLettered = [];
    for (let n = 1; n <= 4; n++) deadLettered.push(await deadLetterEvents(pipeline, tenant, { events: n }));
    const { findDeadLetters } = createResolveActivities({ client: pipeline.client });
    await until(
      async () => assert.equal((await findDeadLetters({ tenant, filter: {} })).found.length, 4),
      10_000,
    );
  });

  const filter = () => ({ to: Date.now() });

  async function discard(more: Partial<ResolveInput>): Promise<ResolveResult> {
    const input: ResolveInput = {
      tenant,
      activityQueue: tenantQueue(tenant),
      outcome: 'discarded',
      filter: filter(),
      by: { actor: 'ops', reason: 'a test' },
      eventsPerSecond: 100_000,
      ...more,
    };
    return (await pipeline.client.workflow.execute('resolveDeadLetters', {
      workflowId: redriveWorkflowId(tenant, `test-${Date.now()}`),
      taskQueue: poolQueue(),
      args: [input],
    })) as ResolveResult;
  }

  it('goes on where a run before has left off, and with its counts', async () => {
    const { findDeadLetters } = createResolveActivities({ client: pipeline.client, pageSize: 2 });
    const { found, pageToken } = await findDeadLetters({ tenant, filter: filter() });
    const progress = { matched: 4, matchedEvents: 10, done: 2, events: 7, left: 2 };
    const result = await discard({ soFar: { progress, pageToken } });
    assert.deepEqual(result, { ...progress, done: 4, events: 10, left: 0, cancelled: false });
    const rest = await findDeadLetters({ tenant, filter: filter() });
    assert.deepEqual(
      new Set(rest.found.map(({ workflowId }) => workflowId)),
      new Set(found.map(({ workflowId }) => workflowId)),
    );
    assert.equal((await discard({})).done, 2);
  });

  it('is no worse for those that somebody resolves or ends meanwhile', async () => {
    const handles = deadLettered.map(({ workflowId }) => pipeline.client.workflow.getHandle(workflowId));
    pipeline.replaced.signalDeadLetters = async (input) => {
      await handles[0]!.signal('discard', { actor: 'faster' });
      await handles[0]!.result();
      await handles[1]!.terminate();
      return pipeline.activities.signalDeadLetters(input);
    };
    const result = await discard({});
    delete pipeline.replaced.signalDeadLetters;
    assert.deepEqual([result.matched, result.left], [4, 0]);
    assert.equal(((await handles[0]!.result()) as DeadLetterResult).by?.actor, 'faster');
    assert.equal(((await handles[2]!.result()) as DeadLetterResult).by?.actor, 'ops');
    assert.equal(((await handles[3]!.result()) as DeadLetterResult).by?.actor, 'ops');
  });

  it('signals no dead letter of another tenant', async () => {
    const { signalDeadLetters } = createResolveActivities({ client: pipeline.client });
    const foreign = { tenant: 'resolve-b', outcome: 'discarded', by: { actor: 'b' } } as const;
    const workflowIds = [deadLettered[0]!.workflowId];
    await assert.rejects(signalDeadLetters({ ...foreign, workflowIds }), { code: 'NOT_FOUND' });
    assert.equal((await discard({})).done, 4);
  });

  it('counts on from where an attempt before has been lost', async () => {
    const { countDeadLetters } = createResolveActivities({ client: pipeline.client, pageSize: 1 });
    const input = { tenant, filter: filter() };
    const first = new MockActivityEnvironment();
    const heartbeats: unknown[] = [];
    first.on('heartbeat', (details) => heartbeats.push(details));
    const whole = (await first.run(countDeadLetters, input)) as DeadLetterCount;
    assert.deepEqual([whole.deadLetters, whole.events], [4, 10]);
    const second = new MockActivityEnvironment({ heartbeatDetails: heartbeats[1] });
    let more = 0;
    second.on('heartbeat', () => more++);
    const { deadLetters, events } = (await second.run(countDeadLetters, input)) as DeadLetterCount;
    assert.deepEqual([deadLetters, events], [4, 10]);
    assert.equal(more, heartbeats.length - 2);
    assert.equal((await discard({})).done, 4);
  });
});
