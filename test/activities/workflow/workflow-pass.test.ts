import assert from 'node:assert/strict';
import { defaultPayloadConverter } from '@temporalio/common';
import { signalWithStart } from '../../../src/activities/workflow/signal.js';
import {
  createWorkflowPass,
  type WorkflowPassOutcome,
} from '../../../src/activities/workflow/workflow-pass.js';
import type { DeadLetterMemo, DeliverResult } from '../../../src/workflows/delivery-messages.js';
import { configuredTenant } from '../../../src/tenant-config/registry.js';
import { resetToStart } from '../../support/histories.js';
import { arrivals, startPipeline, type Pipeline } from '../../support/pipeline.js';
import { TEST_NAMESPACE } from '../../support/temporal.js';

const SYNC = {
  ...{ name: 'sync', kind: 'workflow', workflow: '"bookingSync"', signal: '"booking"' },
  ...{ taskQueue: '"bookings-" + event.data.region', id: 'event.data.booking' },
};

describe('workflow subscriptions', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  const outcomes: WorkflowPassOutcome[] = [];

  before(async () => {
    const config = {
      subscriptions: [SYNC],
      routes: [{ match: {}, to: ['sync'] }],
      aggregates: {},
      rules: [],
    };
    pipeline = await startPipeline({ 'wf-one': config, 'wf-two': config });
    const { client, registry, stores } = pipeline;
    pipeline.replaced.workflowPass = createWorkflowPass({
      configOf: (tenant) => configuredTenant(registry, tenant).config,
      batchStore: stores.batchStore,
      signal: ({ tenant, subscription }, target, { id: eventId }, event) =>
        signalWithStart(client, { tenant, subscription, target, eventId, event, namespace: TEST_NAMESPACE }),
      observe: (_tenant, _name, outcome) => void outcomes.push(outcome),
    });
  });
  after(() => pipeline.stop());

  const rows = (prefix: string, data: readonly object[]) =>
    arrivals(
      prefix,
      data.map(() => 0),
    ).map((row, n) => ({ ...row, data: data[n] }));

  /** Ids of the events that a workflow was signalled with, in order, and the queue it waits on. */
  async function signals(workflowId: string): Promise<{ queue: string; events: string[] }> {
    const { events = [] } = await pipeline.client.workflow.getHandle(workflowId).fetchHistory();
    const signalled = (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) =>
      (signal?.input?.payloads ?? []).map(
        (payload) => defaultPayloadConverter.fromPayload<{ id: string }>(payload).id,
      ),
    );
    const queue = events?.[0]?.workflowExecutionStartedEventAttributes?.taskQueue?.name ?? '';
    return { queue, events: signalled };
  }

  async function deliver(tenant: string, data: readonly object[], prefix = tenant) {
    const { ended } = await pipeline.submit(tenant, rows(prefix, data));
    const handle = pipeline.client.workflow.getHandle((await ended)!.deliveries![0]!);
    return { handle, result: (await handle.result()) as DeliverResult };
  }

  it('start a workflow per id, and signal it with its events in order, once however often they are delivered', async () => {
    const eu = { region: 'eu' };
    const { handle, result } = await deliver('wf-one', [
      { ...eu, booking: 'a' },
      { ...eu, booking: 'b' },
      { ...eu, booking: 'a' },
    ]);
    assert.deepEqual([result.delivered, result.deadLettered], [3, 0]);
    assert.deepEqual(
      outcomes.map(({ delivered, failed, retried }) => [delivered, failed, retried]),
      [[3, 0, 0]],
    );
    assert.ok((outcomes[0]?.bytes ?? 0) > 300);
    const expected = { queue: 'bookings-eu', events: ['wf-one-0', 'wf-one-2'] };
    assert.deepEqual(await signals('wf-one/a'), expected);
    assert.deepEqual((await signals('wf-one/b')).events, ['wf-one-1']);
    await (await resetToStart(handle)).result();
    assert.deepEqual(await signals('wf-one/a'), expected);
  });

  it('give the workflows of two tenants ids of their own, and park what no template can be filled from', async () => {
    const { result } = await deliver('wf-two', [{ region: 'eu', booking: 'a' }, { region: 'eu' }]);
    assert.deepEqual([result.delivered, result.deadLettered], [1, 1]);
    assert.deepEqual((await signals('wf-two/a')).events, ['wf-two-0']);
    const dead = await pipeline.client.workflow.getHandle(result.deadLetters[0]!).describe();
    const { reason, detail } = dead.memo as unknown as DeadLetterMemo;
    assert.deepEqual([reason, detail], ['undeliverable', '"id" fails: No such key: booking']);
  });
});
