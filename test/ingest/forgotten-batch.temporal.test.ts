import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { WorkerActivities } from '../../src/activities/index.js';
import type { Plan } from '../../src/ingest/partition.js';
import { batchPath } from '../../src/stores/batch-store/file.js';
import type { IngestBatchResult, LoadWindowResult } from '../../src/workflows/messages/batches.js';
import { forget } from '../support/forget.js';
import { resetToStart } from '../support/histories.js';
import { recordedLog } from '../support/log.js';
import { countInFiles } from '../support/parquet.js';
import { arrivals, startPipeline, type Pipeline, type Submitted } from '../support/pipeline.js';
import { until } from '../support/until.js';

/** An answer that does not come while the tests run; a Worker could not stop beside one that never does. */
function hangs(): { readonly promise: Promise<never>; end(error: Error): void } {
  let end: (error: Error) => void = () => undefined;
  const promise = new Promise<never>((_resolve, reject) => (end = reject));
  promise.catch(() => undefined);
  return { promise, end };
}

const TENANTS = ['fb-kept', 'fb-old', 'fb-gone', 'fb-done', 'fb-reset'];

describe('a batch whose workflow Temporal has forgotten', function () {
  this.timeout(120_000);
  let pipeline: Pipeline;
  const hanging = hangs();
  const { log, lines } = recordedLog();

  before(async () => {
    pipeline = await startPipeline(Object.fromEntries(TENANTS.map((tenant) => [tenant, {}])));
  });
  after(async () => {
    hanging.end(new Error('the test is over'));
    await pipeline?.stop();
  });
  beforeEach(() => lines.splice(0));
  afterEach(() => {
    delete pipeline.replaced.announce;
  });

  const plannedOf = (tenant: string) => pipeline.spool.planned().filter((plan) => plan.tenant === tenant);
  const inFiles = (tenant: string) => countInFiles(pipeline.stores.paths.warehouse, tenant);

  async function loaded({ ended }: Submitted): Promise<void> {
    const result = await ended;
    assert.ok(result !== undefined);
    await pipeline.client.workflow.getHandle(result.load.workflowId).result();
  }

  /**
   * A batch that Temporal has, and has forgotten again, as the next process finds it in the spool.
   * @param announce what its workflow does before it hangs
   */
  async function forgotten(
    tenant: string,
    announce: WorkerActivities['announce'] = () => hanging.promise,
  ): Promise<Plan> {
    // A workflow that is not there yet would go through, with what replaces this.
    const asked = new Promise<void>((resolve) => {
      pipeline.replaced.announce = (batches) => {
        resolve();
        return announce(batches);
      };
    });
    const process = new AbortController();
    const spooled = await pipeline.spooled(tenant, arrivals(tenant, [90, 5]));
    const { handle, plan } = pipeline.carry(...spooled, { signal: process.signal });
    const left = await until(() => {
      const found = pipeline.spool.planned().find(({ batchId }) => batchId === plan.batchId);
      assert.equal(found?.started, true);
      return found as Plan;
    }, 30_000);
    await asked;
    // Else it would start the batch again itself.
    process.abort();
    await forget(pipeline, handle);
    delete pipeline.replaced.announce;
    return left;
  }

  it('is started again with what it had, and its partition goes on', async () => {
    const left = await forgotten('fb-kept');
    const again = pipeline.carry(left, [], { log });
    await loaded(again);
    assert.deepEqual(await inFiles('fb-kept'), { events: 2, user_properties: 0, decisions: 2 });
    const result = (await again.ended) as IngestBatchResult;
    assert.deepEqual([result.evaluated, result.eligible], [2, { late: 1 }]);
    const said = lines.find(({ code }) => code === 'BATCH_FORGOTTEN');
    assert.equal(said?.batch, left.batchId);
    assert.match(String(said?.reason), /no longer knows the batch.* started again from its file/);
    await until(() => assert.deepEqual(plannedOf(left.tenant), []), 5_000);
  });

  it('is started again from its files where an earlier version has written its plan', async () => {
    const left = { ...(await forgotten('fb-old')), input: undefined };
    await loaded(pipeline.carry(left, [], { log }));
    assert.deepEqual(await inFiles('fb-old'), { events: 2, user_properties: 0, decisions: 2 });
  });

  it('changes nothing in the warehouse if it had gone through', async () => {
    const once = { events: 2, user_properties: 0, decisions: 2 };
    const left = await forgotten('fb-done', async (batches) => {
      const { workflowId } = await pipeline.activities.announce(batches);
      await pipeline.client.workflow.getHandle(workflowId).result();
      return hanging.promise;
    });
    await until(async () => assert.deepEqual(await inFiles('fb-done'), once), 10_000);
    await loaded(pipeline.carry(left, [], { log }));
    assert.deepEqual(await inFiles('fb-done'), once);
  });

  it('is given up, in words, where its file is gone as well, and its partition goes on', async () => {
    const left = await forgotten('fb-gone');
    await rm(batchPath(pipeline.stores.paths.batches, left));
    assert.equal(await pipeline.carry(left, [], { log }).ended, undefined);
    await until(() => assert.deepEqual(plannedOf(left.tenant), []), 5_000);
    const said = lines.find(({ id }) => id === 'BATCH_LOST');
    assert.deepEqual([said?.batch, said?.level, said?.code], [left.batchId, 50, 'BATCH_FORGOTTEN']);
    assert.match(String(said?.reason), /no longer knows the batch, and Batch file .* is gone/);
  });

  it('waits on for the newer run of one that is reset', async () => {
    let calls = 0;
    pipeline.replaced.announce = (batches) => {
      calls += 1;
      return calls === 1 ? hanging.promise : pipeline.activities.announce(batches);
    };
    const [plan, chunk] = await pipeline.spooled('fb-reset', arrivals('reset', [90]));
    const batch = pipeline.carry(plan, chunk, { log });
    // There is nothing to reset before a task of its workflow has been completed.
    await until(() => resetToStart(batch.handle), 15_000);
    const result = await batch.ended;
    assert.ok(result !== undefined, JSON.stringify(lines));
    const window = pipeline.client.workflow.getHandle(result.load.workflowId);
    const { loads } = (await window.result()) as LoadWindowResult;
    assert.equal(loads.length, 2);
    assert.deepEqual(
      lines.filter(({ level }) => Number(level) >= 40),
      [],
    );
  });

  it('has no line of its log without a reason', async () => {
    const left = await forgotten('fb-kept');
    const error = await pipeline.client.workflow
      .getHandle(`batch/fb-kept/events/${left.batchId}`)
      .describe()
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof WorkflowNotFoundError);
    await loaded(pipeline.carry(left, [], { log }));
    for (const { reason } of lines) assert.notEqual(reason, '');
  });
});
