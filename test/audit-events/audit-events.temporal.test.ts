import assert from 'node:assert/strict';
import { join } from 'node:path';
import { AuditEvents, type AuditEventsOptions } from '../../src/audit-events/audit-events.js';
import { Chain } from '../../src/audit-log/chain.js';
import type { Act } from '../../src/audit-log/entry.js';
import { auditLogPlaces } from '../../src/audit-log/files.js';
import { queryTenant } from '../../src/stores/warehouse/parquet/query.js';
import { SILENT, startPipeline, type Pipeline } from '../support/pipeline.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const TENANTS = ['told-a', 'told-b'] as const;
const WITHIN_MS = 40_000;
const PAUSE: Act = {
  act: 'pauseSubscription',
  kind: 'changes',
  role: 'operator',
  subject: 'ops@example.com',
  address: '203.0.113.7',
  tenant: 'told-a',
  params: { name: 'crm' },
  reason: 'maintenance',
  outcome: 'ok',
};

describe("the audit log in tenants' warehouses", function () {
  this.timeout(120_000);
  const dir = useTempDir();
  let pipeline: Pipeline;

  before(async () => {
    pipeline = await startPipeline(Object.fromEntries(TENANTS.map((tenant) => [tenant, {}])));
  });
  after(() => pipeline.stop());

  /** As a process that has been started again. */
  const open = (more: Partial<AuditEventsOptions> = {}): AuditEvents =>
    new AuditEvents({
      client: pipeline.client,
      batchStore: pipeline.stores.batchStore,
      tenantOf: (tenant) => pipeline.registry.get(tenant),
      isDraining: () => false,
      places: auditLogPlaces(dir()),
      progress: join(dir(), 'told.json'),
      log: SILENT,
      ...more,
    });
  const rowsOf = async (tenant: string): Promise<unknown[][]> => {
    const sql =
      "SELECT act, role, subject, address, params->>'name', reason, outcome, code, count FROM audit_log ORDER BY time, act";
    return (await queryTenant({ root: pipeline.stores.paths.warehouse, tenant, sql })).rows;
  };
  const append = (...acts: Act[]) => new Chain(auditLogPlaces(dir())).append(acts);

  it('has what was done in each, by whom, and nothing of another: once, wherever a process ends', async () => {
    const query: Act = {
      ...PAUSE,
      tenant: 'told-b',
      act: 'query',
      kind: 'reads',
      role: 'command',
      params: {},
    };
    const signal: Act = { ...PAUSE, act: 'temporal.signal', role: 'temporal', subject: 'cli:alice@laptop' };
    const refused: Act = { ...PAUSE, role: 'tenant', outcome: 'refused', code: 'NOT_FOUND', count: 7 };
    await append({ ...PAUSE, at: '2026-03-10T12:00:00.000Z' }, query, { ...PAUSE, tenant: undefined });
    await append({ ...PAUSE, tenant: 'unknown' });
    // Ends before the first tenant's batch, then between the two, then behind both.
    for (const batches of [0, 1, 2]) {
      let left = batches;
      const tenantOf = (tenant: string) => pipeline.registry.get(tenant);
      const write: AuditEventsOptions['batchStore']['write'] = (...args) => {
        if (left-- <= 0) throw new Error('the process ends here');
        return pipeline.stores.batchStore.write(...args);
      };
      const ending = open({ tenantOf, batchStore: { ...pipeline.stores.batchStore, write } }).look();
      await (batches < 2 ? assert.rejects(ending, /ends here/) : ending);
      // It is in the next batches.
      if (batches === 1) await append({ ...signal, at: '2026-03-10T13:00:00.000Z' }, refused);
    }
    assert.equal(await open().look(), true);
    assert.equal(await open().look(), false);
    const tail = ['crm', 'maintenance', 'ok', null, 1];
    await until(async () => {
      assert.deepEqual(
        (await rowsOf('told-a')).map((row) =>
          row.map((value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value)),
        ),
        [
          ['pauseSubscription', 'operator', 'ops@example.com', null, ...tail],
          ['temporal.signal', 'temporal', 'cli:alice', null, ...tail],
          [
            'pauseSubscription',
            'tenant',
            'ops@example.com',
            '203.0.113.7',
            'crm',
            'maintenance',
            'refused',
            'NOT_FOUND',
            7,
          ],
        ],
      );
      assert.equal((await rowsOf('told-b')).length, 1);
    }, WITHIN_MS);
    const [[act, role]] = (await rowsOf('told-b')) as [unknown[]];
    assert.deepEqual([act, role], ['query', 'command']);
  });

  it('does not take an event that a producer has sent for an act', async () => {
    const before = await rowsOf('told-b');
    const forged = {
      specversion: '1.0',
      id: 'forged',
      source: 'headgate',
      type: 'headgate.audit.act',
      data: { act: 'x' },
    };
    await (
      await pipeline.submit('told-b', [forged] as never)
    ).ended;
    const sql = "SELECT count(*) FROM events WHERE id = 'forged'";
    await until(async () => {
      const { rows } = await queryTenant({ root: pipeline.stores.paths.warehouse, tenant: 'told-b', sql });
      assert.equal(Number(rows[0]?.[0]), 1);
    }, WITHIN_MS);
    assert.deepEqual(await rowsOf('told-b'), before);
  });
});
