import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from '@temporalio/worker';
import type { LoadedTenant, TenantChange, TenantRegistry } from '../../src/tenants/config/registry.js';
import type { IngestBatchResult } from '../../src/workflows/messages/batches.js';
import { TenantWorkers, type RunningWorker } from '../../src/workers/tenant-workers.js';
import { arrivals, SILENT, startPipeline, type Pipeline } from '../support/pipeline.js';
import { countInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

describe('the Workers of tenants', function () {
  this.timeout(40_000);
  let pipeline: Pipeline;

  before(async () => {
    pipeline = await startPipeline({ 'tw-first': {}, 'tw-leaves': {} });
  });
  after(() => pipeline.stop());

  async function submitAndLoad(tenant: string, prefix: string): Promise<string> {
    const { ended, handle } = await pipeline.submit(tenant, arrivals(prefix, [90]));
    await windowEnds(await ended);
    return (await handle.describe()).taskQueue;
  }

  const windowEnds = (result: IngestBatchResult | undefined) =>
    pipeline.client.workflow.getHandle(result!.load.workflowId).result();

  const inFiles = async (tenant: string) =>
    (await countInFiles(pipeline.stores.paths.warehouse, tenant)).events;

  const dedicatedRuns = (tenant: string, expected: boolean) =>
    until(() => assert.equal(pipeline.host.runsWorkflowsOf(tenant), expected), 10_000);

  it('are there for a tenant that is added while the process runs', async () => {
    await pipeline.tenant('tw-new');
    assert.equal(await submitAndLoad('tw-new', 'new'), 'pool.0');
    assert.equal(await inFiles('tw-new'), 1);
  });

  it('follow a tenant from the pool to a queue of its own and back', async () => {
    assert.equal(await submitAndLoad('tw-first', 'pooled'), 'pool.0');
    await pipeline.tenant('tw-first', { isolation: 'dedicated' });
    await dedicatedRuns('tw-first', true);
    assert.equal(await submitAndLoad('tw-first', 'dedicated'), 'tenant.tw-first');
    await pipeline.tenant('tw-first', { isolation: 'pooled' });
    assert.equal(await submitAndLoad('tw-first', 'again'), 'pool.0');
    assert.equal(await inFiles('tw-first'), 3);
  });

  it('leave with the tenant; what was on its way waits, and goes on when the tenant is back', async () => {
    const { tenants } = pipeline.stores.paths;
    const batch = await pipeline.spooled('tw-leaves', arrivals('leaves', [90]));
    await rm(join(tenants, 'tw-leaves.yaml'));
    await until(() => assert.equal(pipeline.registry.get('tw-leaves'), undefined), 5_000);
    const { handle, ended } = pipeline.carry(...batch);
    // Local activities do not know the tenant any more; ordinary ones wait on the tenant's queue.
    await until(async () => {
      const { raw } = await handle.describe();
      assert.equal(raw.pendingActivities?.length, 1);
    }, 10_000);
    await pipeline.tenant('tw-leaves');
    const result = await ended;
    assert.deepEqual(result?.eligible, { late: 1 });
    await windowEnds(result);
    assert.equal(await inFiles('tw-leaves'), 1);
  });

  it('are started, changed and stopped by what the registry says, and all stopped at the end', async () => {
    const log: string[] = [];
    const run = async (queue: string, isolation: string): Promise<RunningWorker> => {
      log.push(`${queue} ${isolation}`);
      let end: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => (end = resolve));
      const shutdown = () => {
        log.push(`${queue} stopped`);
        end();
      };
      return { worker: { shutdown } as Worker, ended };
    };
    const loaded = new Map([['tw-a', 'pooled']]);
    let change: (tenant: string, isolation?: string) => void = () => undefined;
    const configOf = (tenant: string, isolation: string) =>
      ({ config: { tenant, isolation, limits: { activitiesPerSecond: 5 } } }) as LoadedTenant;
    const registry = {
      get: (tenant: string) => {
        const isolation = loaded.get(tenant);
        return isolation === undefined ? undefined : configOf(tenant, isolation);
      },
      list: () => [...loaded].map(([tenant, isolation]) => configOf(tenant, isolation)),
      onChange: (listener: (change: TenantChange) => void) => {
        change = (tenant, isolation) => {
          if (isolation === undefined) loaded.delete(tenant);
          else loaded.set(tenant, isolation);
          listener({ kind: 'changed', tenant });
        };
        return () => undefined;
      },
    } as TenantRegistry;
    const alignRate = () => Promise.resolve();
    const workers = new TenantWorkers({ alignRate, registry, run, log: SILENT });
    await workers.start();
    change('tw-b', 'dedicated');
    await until(() => assert.equal(log.at(-1), 'tenant.tw-b dedicated'), 5_000);
    assert.deepEqual(
      ['tw-a', 'tw-b', 'tw-c'].map((tenant) => workers.runsWorkflowsOf(tenant)),
      [false, true, false],
    );
    change('tw-a', 'dedicated');
    change('tw-a', 'dedicated');
    change('tw-b');
    // Gone again before its turn came: never started.
    change('tw-c', 'pooled');
    change('tw-c');
    await until(() => assert.equal(log.length, 5), 5_000);
    await workers.stop();
    const of = (tenant: string) => log.filter((line) => line.startsWith(`tenant.${tenant} `));
    assert.deepEqual(of('tw-a').map(state), ['pooled', 'stopped', 'dedicated', 'stopped']);
    assert.deepEqual(of('tw-b').map(state), ['dedicated', 'stopped']);
    assert.deepEqual(of('tw-c'), []);
  });
});

const state = (line: string) => line.split(' ')[1];
