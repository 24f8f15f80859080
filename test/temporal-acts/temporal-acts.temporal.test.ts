import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { AuditLog } from '../../src/audit-log/audit-log.js';
import { Chain } from '../../src/audit-log/chain.js';
import type { Act, Entry } from '../../src/audit-log/entry.js';
import { auditLogPlaces } from '../../src/audit-log/files.js';
import { readEntries } from '../../src/audit-log/read.js';
import { verifyAuditLog } from '../../src/audit-log/verify.js';
import { DAY_MS } from '../../src/platform/time.js';
import { registerSpool, unregisterSpool } from '../../src/temporal/spool-nodes.js';
import { TemporalActs, type TemporalActsOptions } from '../../src/temporal-acts/temporal-acts.js';
import { DISCARD, REVIEW } from '../../src/workflows/messages/deliveries.js';
import { deadLetterEvents } from '../support/dead-letters.js';
import { SILENT, startPipeline, type Pipeline } from '../support/pipeline.js';
import { useTempDir } from '../support/temp-dir.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const TENANTS = ['acts-a', 'acts-b'] as const;
const WITHIN_MS = 30_000;
const BY = { actor: 'ops', at: '2026-03-10T12:00:00.000Z' };

describe('acts that are made in Temporal itself', function () {
  this.timeout(120_000);
  const dir = useTempDir();
  let pipeline: Pipeline;
  let alice: Client;
  let log: AuditLog;
  let acts: TemporalActs;
  /** Workflows of this test: those before it were ended not long ago. */
  let mine: string[] = [];

  before(async () => {
    const push = { name: 'crm', kind: 'push', url: 'https://crm.example/hooks' };
    const config = { subscriptions: [push], routes: [] };
    pipeline = await startPipeline(Object.fromEntries(TENANTS.map((tenant) => [tenant, config])));
    const { connection } = pipeline;
    alice = new Client({ connection, namespace: testNamespace(), identity: 'temporal-cli:alice@laptop' });
  });
  after(() => pipeline.stop());
  beforeEach(async () => {
    log = new AuditLog({ places: auditLogPlaces(dir()), keepMs: 365 * DAY_MS, log: SILENT });
    mine = [];
    acts = open();
    await acts.look();
  });
  afterEach(() => log.close());

  /** As a process that has been started again. */
  const open = (auditLog: TemporalActsOptions['auditLog'] = log): TemporalActs =>
    new TemporalActs({
      client: pipeline.client,
      auditLog,
      places: auditLogPlaces(dir()),
      progress: join(dir(), 'progress'),
      log: SILENT,
    });
  const entries = async (): Promise<readonly Entry[]> => {
    const all = await readEntries(auditLogPlaces(dir()), {}, { maxEntries: 1e6, maxBytes: 1e9 });
    return all.entries.filter(({ params }) => mine.includes(params?.workflowId ?? ''));
  };
  const told = async () =>
    (await entries()).map(({ act, tenant, subject, role, reason }) => ({
      act,
      tenant,
      subject,
      role,
      reason,
    }));

  /** Looks until there are so many; visibility is behind. */
  const looked = (count: number, look = acts): Promise<void> =>
    until(async () => {
      while (await look.look());
      assert.equal((await entries()).length, count);
    }, WITHIN_MS);

  /** A dead letter that waits, in its workflow. */
  async function waiting(tenant: string): Promise<string> {
    const { workflowId } = await deadLetterEvents(pipeline, tenant);
    mine.push(workflowId);
    const handle = pipeline.client.workflow.getHandle(workflowId);
    await until(async () => assert.ok((await handle.describe()).historyLength >= 4), WITHIN_MS);
    return workflowId;
  }

  /** Waits until a Worker has seen all that its history has. */
  async function settled(workflowId: string): Promise<void> {
    await until(async () => {
      const { events } = await pipeline.client.workflow.getHandle(workflowId).fetchHistory();
      assert.ok(events?.at(-1)?.workflowTaskCompletedEventAttributes ?? true);
      const { raw } = await pipeline.client.workflow.getHandle(workflowId).describe();
      assert.ok(!raw.pendingWorkflowTask);
    }, WITHIN_MS);
  }

  it('has signals, of whom Temporal says, and none of Headgate itself', async () => {
    const id = await waiting('acts-a');
    await pipeline.client.workflow.getHandle(id).signal(REVIEW);
    await settled(id);
    await alice.workflow.getHandle(id).signal(REVIEW);
    await looked(1);
    const [entry] = await entries();
    const { runId, event, ...params } = entry!.params!;
    assert.deepEqual(params, { workflowId: id, signal: REVIEW });
    assert.deepEqual(
      [(await told())[0], entry!.kind, entry!.outcome],
      [
        {
          act: 'temporal.signal',
          tenant: 'acts-a',
          subject: 'temporal-cli:alice@laptop',
          role: 'temporal',
          reason: undefined,
        },
        'changes',
        'ok',
      ],
    );
    const { events } = await pipeline.client.workflow.getHandle(id, runId).fetchHistory();
    const signal = events?.find(({ eventId }) => String(eventId) === event);
    assert.equal(signal?.workflowExecutionSignaledEventAttributes?.identity, 'temporal-cli:alice@laptop');
    assert.ok(Math.abs(Date.parse(entry!.at) - Date.now()) < 60_000);
    await pipeline.client.workflow.getHandle(id).signal(DISCARD, BY);
    await pipeline.client.workflow.getHandle(id).result();
    await looked(1);
  });

  it('has terminations and cancellations, with their reasons, each of its tenant', async () => {
    const [first, second] = [await waiting('acts-a'), await waiting('acts-b')];
    await alice.workflow.getHandle(first).terminate('it hangs');
    await alice.workflow.getHandle(second).cancel();
    await looked(2);
    const subject = 'temporal-cli:alice@laptop';
    const role = 'temporal';
    assert.deepEqual(
      (await told()).sort((left, right) => left.tenant!.localeCompare(right.tenant!)),
      [
        { act: 'temporal.terminate', tenant: 'acts-a', subject, role, reason: 'it hangs' },
        { act: 'temporal.cancel', tenant: 'acts-b', subject, role, reason: undefined },
      ],
    );
  });

  it('has a reset once: not the end of the run before, nor signals that the new run has taken over', async () => {
    const id = await waiting('acts-a');
    await alice.workflow.getHandle(id).signal(REVIEW);
    await settled(id);
    await looked(1);
    const { runId } = await pipeline.client.workflow.getHandle(id).describe();
    await reset(id, runId, 'again, please');
    await looked(2);
    const [, entry] = await entries();
    assert.deepEqual(
      [entry!.act, entry!.reason, entry!.subject, entry!.params?.baseRunId],
      ['temporal.reset', 'again, please', undefined, runId],
    );
    await alice.workflow.getHandle(id).terminate();
    await looked(3);
    await open().look();
    assert.equal((await entries()).length, 3);
  });

  async function reset(workflowId: string, runId: string, reason: string): Promise<void> {
    await alice.workflowService.resetWorkflowExecution({
      namespace: testNamespace(),
      workflowExecution: { workflowId, runId },
      reason,
      requestId: randomUUID(),
      workflowTaskFinishEventId: 4 as never,
    });
  }

  it('has a batch that was done and is reset: its events are loaded once all the same', async () => {
    const { submit, client } = pipeline;
    const rows = [{ specversion: '1.0', id: 'one', source: '/test', type: 'order.paid' }];
    const submitted = await submit('acts-b', rows as never);
    await submitted.ended;
    const { workflowId } = submitted.handle;
    mine = [workflowId];
    const { runId } = await client.workflow.getHandle(workflowId).describe();
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    assert.ok((events ?? []).length > 4);
    await reset(workflowId, runId, 'once more');
    await looked(1);
    assert.deepEqual(await told(), [
      { act: 'temporal.reset', tenant: 'acts-b', subject: undefined, role: 'temporal', reason: 'once more' },
    ]);
  });

  it('has what belongs to no tenant, and not what Headgate ends itself', async () => {
    mine = ['headgate.spool.0000abcd', 'headgate.spool.0000abce'];
    await registerSpool(pipeline.client, '0000abcd', { host: 'h', path: '/p' });
    await unregisterSpool(pipeline.client, '0000abcd');
    await registerSpool(pipeline.client, '0000abce', { host: 'h', path: '/p' });
    await alice.workflow.getHandle('headgate.spool.0000abce').terminate('gone for good');
    await looked(1);
    const [entry] = await entries();
    assert.deepEqual(
      [entry!.act, entry!.tenant, entry!.params?.workflowId],
      ['temporal.terminate', undefined, 'headgate.spool.0000abce'],
    );
  });

  it('writes each once, where a process ends between any two steps', async () => {
    const ids = [await waiting('acts-a'), await waiting('acts-a'), await waiting('acts-b')];
    const [signalled, cancelled, terminated] = ids;
    await alice.workflow.getHandle(signalled!).signal(REVIEW);
    await alice.workflow.getHandle(cancelled!).cancel();
    await alice.workflow.getHandle(terminated!).terminate();
    // Written, and not known to be: what comes after the write does not happen.
    let writes = 0;
    const dying: TemporalActsOptions['auditLog'] = {
      assertWritable: () => undefined,
      change: async (act: Act) => {
        await log.change(act);
        writes++;
        throw new Error('the process ends here');
      },
    };
    await until(async () => {
      await open(dying)
        .look()
        .catch(() => undefined);
      await open(dying)
        .look()
        .catch(() => undefined);
      assert.ok(writes >= 1);
    }, WITHIN_MS);
    await looked(3, open());
    await looked(3, open());
    await new Chain(auditLogPlaces(dir())).sign();
    assert.deepEqual((await verifyAuditLog(auditLogPlaces(dir()))).problems, []);
  });

  it('reads many terminations by and by, each once', async () => {
    const ids = Array.from(
      { length: 230 },
      (_, n) => `deliver/acts-a/crm/20260310-0123abcd-${String(n).padStart(9, '0')}`,
    );
    mine = ids;
    for (const workflowId of ids) {
      const options = { workflowId, taskQueue: 'nobody', args: [] };
      await pipeline.client.workflow.start('deliver', options);
    }
    await Promise.all(ids.map((id) => alice.workflow.getHandle(id).terminate('all of them')));
    await looked(230);
    const found = (await entries()).map(({ params }) => params?.workflowId);
    assert.deepEqual([...new Set(found)].sort(), [...ids].sort());
    await looked(230, open());
  });

  it('waits while the log cannot be written, and goes on then', async () => {
    const id = await waiting('acts-a');
    await alice.workflow.getHandle(id).terminate('now');
    const failing = {
      change: () => Promise.reject(new Error('no room')),
      assertWritable: () => {
        throw new Error('no room');
      },
    };
    await assert.rejects(open(failing).look(), /no room/);
    await looked(1);
  });
});
