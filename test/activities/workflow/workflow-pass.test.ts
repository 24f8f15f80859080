import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { WorkflowFull } from '../../../src/activities/workflow/signal.js';
import { createWorkflowPass } from '../../../src/activities/workflow/workflow-pass.js';
import type { ExpressionFailure } from '../../../src/expressions/failures.js';
import { LineSet } from '../../../src/events/line-set.js';
import { openSharedStores } from '../../../src/roles/stores.js';
import type { Tried } from '../../../src/subscriptions/failing.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import type { PassResult } from '../../../src/workflows/messages/deliveries.js';
import { event } from '../../support/events.js';
import { SILENT } from '../../support/pipeline.js';
import { useTempDir } from '../../support/temp-dir.js';

const SYNC = {
  name: 'sync',
  kind: 'workflow',
  workflow: '"booking"',
  signal: '"s"',
  taskQueue: '"own.UA"',
  id: 'event.data.id',
  retry: { schedule: ['1h'] },
};

describe('a pass of a workflow subscription', () => {
  const dir = useTempDir();

  /** Makes a pass over events with these data. */
  async function pass(data: readonly object[], signal: (id: string) => Promise<void>) {
    const { batchStore, deliveryLog } = openSharedStores(dir());
    const config = parseTenantConfig(JSON.stringify({ tenant: 'UA', subscriptions: [SYNC] }), 'UA.yaml');
    const rows = data.map((each, line) => event(`e-${line}`, 0, { data: each }));
    const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const name = { tenant: 'UA', stream: 'events', batchId: '20240310-0123abcd-000000001' } as const;
    const batch = await batchStore.write(name, gzipSync(ndjson), rows.length);
    const [failures, tried]: [ExpressionFailure[], Tried[]] = [[], []];
    const workflowPass = createWorkflowPass({
      configOf: () => config,
      batchStore,
      deliveryLog,
      queues: [],
      log: SILENT,
      signal: (_input, { target }) => signal(target.id),
      observe: () => undefined,
      onTried: (_tenant, _name, each) => void tried.push(each),
      onFailures: (_tenant, failed) => void failures.push(...failed),
    });
    const pending = [{ attempts: 0, count: rows.length }];
    const input = { tenant: 'UA', subscription: 'sync', batch, pass: 1, pending };
    const result = (await new MockActivityEnvironment().run(workflowPass, input)) as PassResult;
    return { result, failures, tried };
  }
  const linesIn = (group: { lines?: string } | undefined, lines: number) => [
    ...LineSet.decode(group?.lines, lines),
  ];

  it('gives up at once what is for a run that takes no more signals, and goes on with the others', async () => {
    const signalled: string[] = [];
    const full = (id: string): Promise<void> => {
      signalled.push(id);
      return id === 'own/UA/full' ? Promise.reject(new WorkflowFull(id)) : Promise.resolve();
    };
    const ids = [...Array.from({ length: 8 }, () => 'full'), 'b', 'full'];
    const { result } = await pass(
      ids.map((id) => ({ id })),
      full,
    );
    assert.deepEqual([result.delivered, result.pending, result.retryAfterMs], [1, [], undefined]);
    assert.equal(signalled.length, 10, 'none waits for another of its workflow');
    const [dead] = result.dead;
    assert.deepEqual([dead?.reason, dead?.count, dead?.attempts], ['workflow-full', 9, 1]);
    assert.deepEqual(linesIn(dead, 10), [0, 1, 2, 3, 4, 5, 6, 7, 9]);
    assert.match(dead?.detail ?? '', /own\/UA\/full .* must continue as new/);
  });

  it('counts templates that fail on an event, by subscription, template and kind', async () => {
    const { result, failures } = await pass([{ id: 'a' }, {}, { id: '' }, {}, { id: 'x'.repeat(901) }], () =>
      Promise.resolve(),
    );
    assert.deepEqual(
      [result.delivered, result.dead[0]?.reason, result.dead[0]?.count],
      [1, 'undeliverable', 4],
    );
    assert.deepEqual(
      failures.map(({ owner, name, code, count }) => `${owner} ${name} ${code} ${count}`),
      ['template sync.id MISSING 2', 'template sync.id INVALID_VALUE 1', 'template sync.id OUT_OF_RANGE 1'],
    );
  });

  it('tells how each try went, so that a subscription that fails is seen', async () => {
    const { tried } = await pass([{ id: 'a' }, { id: 'b' }], (id) =>
      id === 'own/UA/a' ? Promise.resolve() : Promise.reject(new Error('no such queue')),
    );
    assert.deepEqual(
      tried.map(({ ok, error, again }) => [ok, error, again]),
      [
        [true, undefined, false],
        [false, 'no such queue', false],
      ],
    );
  });
});
