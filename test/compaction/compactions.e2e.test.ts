import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Compactions, type CompactionsOptions } from '../../src/compaction/compactions.js';
import { createLogger } from '../../src/platform/logger.js';
import { createMetrics } from '../../src/observability/create-metrics.js';
import type { Metrics } from '../../src/observability/metrics.js';
import { openTenantRegistry, type TenantRegistry } from '../../src/tenants/config/registry.js';
import { canUnshare, startHolder } from '../support/lock-holder.js';
import { event, Fixture } from '../stores/warehouse/fixture.js';

describe('the compactions that a worker runs automatically', function () {
  // The process that compacts has the lowest priority: beside four busy ones it has a hundredth of a core.
  this.timeout(600_000);
  let fixture: Fixture;
  let registry: TenantRegistry;
  let metrics: Metrics;

  beforeEach(async () => {
    fixture = new Fixture();
    metrics = createMetrics();
    const dir = join(fixture.dir, 'tenants');
    mkdirSync(dir);
    for (const tenant of ['UA', 'DL', 'AA'])
      writeFileSync(join(dir, `${tenant}.yaml`), `tenant: ${tenant}\n`);
    registry = await openTenantRegistry({ dir });
    for (const tenant of ['UA', 'DL'])
      for (const n of [1, 2, 3]) await fixture.put(n, [event(`e${n}`)], 'events', tenant);
  });
  afterEach(async () => {
    await registry.close();
    await fixture.close();
  });

  const compactions = (more: Partial<CompactionsOptions> = {}) =>
    new Compactions({ root: fixture.root, registry, metrics, log: createLogger('silent'), ...more });
  const dayOf = (tenant: string) => join(fixture.root, tenant, 'events', 'day=2024-03-10');
  const counted = async (line: string) => (await metrics.scrape()).text.split('\n').includes(line);

  it('leave tenants with few files, each row, and a count of what they did', async () => {
    await compactions({ graceMs: 0 }).pass();
    for (const tenant of ['UA', 'DL']) {
      assert.equal(readdirSync(dayOf(tenant)).length, 1, tenant);
      assert.deepEqual(await fixture.rows('SELECT count(*) FROM events', tenant), [[3]]);
      assert.ok(await counted(`headgate_compactions_total{tenant="${tenant}",outcome="compacted"} 1`));
      assert.ok(await counted(`headgate_compacted_files_total{tenant="${tenant}",files="replaced"} 3`));
      assert.ok(await counted(`headgate_compacted_files_total{tenant="${tenant}",files="written"} 1`));
    }
    await compactions().pass();
    assert.ok(await counted('headgate_compactions_total{tenant="UA",outcome="compacted"} 1'));
  });

  it('go on with the next tenant where one has a damaged file', async () => {
    const [damaged = ''] = readdirSync(dayOf('DL'));
    truncateSync(join(dayOf('DL'), damaged), 100);
    await compactions({ graceMs: 0 }).pass();
    assert.equal(readdirSync(dayOf('DL')).length, 3);
    assert.equal(readdirSync(dayOf('UA')).length, 1);
    assert.ok(await counted('headgate_compactions_total{tenant="DL",outcome="failed"} 1'));
  });

  it('pass over a tenant that another process has in hand', async () => {
    const lock = join(fixture.root, 'UA', 'compaction', 'owner.json');
    const holder = startHolder(lock, { apart: canUnshare() });
    try {
      assert.equal(await holder.take(), 'held');
      await compactions({ graceMs: 0 }).pass();
      assert.equal(readdirSync(dayOf('UA')).length, 3);
      assert.equal(readdirSync(dayOf('DL')).length, 1);
      assert.ok(!(await metrics.scrape()).text.includes('outcome="failed"'));
    } finally {
      await holder.kill();
    }
    await compactions({ graceMs: 0 }).pass();
    assert.equal(readdirSync(dayOf('UA')).length, 1);
  });

  it('end when the worker stops, and leave what can be compacted again', async () => {
    const stopped = compactions({ graceMs: 0, firstAfterMs: 0 });
    stopped.start();
    await stopped.stop();
    await stopped.pass();
    assert.equal(readdirSync(dayOf('UA')).length, 3);
    const begun = compactions({ graceMs: 0 });
    const pass = begun.pass();
    await begun.stop();
    await pass;
    assert.deepEqual(await fixture.rows('SELECT count(*) FROM events'), [[3]]);
    await compactions({ graceMs: 0 }).pass();
    assert.equal(readdirSync(dayOf('UA')).length, 1);
  });
});
