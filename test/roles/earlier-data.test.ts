import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DecisionRow, EventRow } from '../../src/events/event.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { queryTenant } from '../../src/stores/warehouse/parquet/query.js';
import { openTenantRegistry } from '../../src/tenants/config/registry.js';
import { openIngress } from '../support/ingress.js';
import { event, linesOf } from '../support/events.js';
import { recordedLog } from '../support/log.js';
import { useTempDir } from '../support/temp-dir.js';

/**
 * Made by version 0.1.0 and killed: tenants UA and OK, of which e4 and e2 were only acknowledged, a tenant whose rule looks
 * ahead, and one whose rule has a time that is none. Without keys and Temporal's database.
 */
const KEPT = fileURLToPath(new URL('../fixtures/data-0.1.0.tgz', import.meta.url));
/** Some minutes after its last event. */
const NOW = Date.parse('2026-11-29T01:30:00Z');

describe('a data directory of version 0.1.0', () => {
  const dir = useTempDir();

  beforeEach(() => execFileSync('tar', ['-xzf', KEPT, '-C', dir()]));

  it('goes on: tenants, ids, profiles, aggregates, decisions, and what was only acknowledged', async () => {
    const { log, lines: warnings } = recordedLog('warn');
    const registry = await openTenantRegistry({
      dir: join(dir(), 'tenants'),
      versions: join(dir(), 'tenant-versions'),
      logger: log,
    });
    // Of two files that are not valid any more, a line each that says where and why; the other tenants start.
    assert.deepEqual(
      registry.list().map(({ config }) => config.tenant),
      ['OK', 'UA'],
    );
    assert.deepEqual(
      warnings.map(({ file, id }) => [file, id]),
      ['LA.yaml', 'TS.yaml'].map((file) => [file, 'TENANT_FILE_LEFT_OUT']),
    );
    assert.match(String(warnings[0]?.reason), /LA\.yaml:5:32: rules\.0\.when: matches\(\): .*\(\?=/);
    assert.match(
      String(warnings[1]?.reason),
      /TS\.yaml:5:45: rules\.0\.when: timestamp\(\) needs RFC 3339, not/,
    );

    const came: string[] = [];
    const outcomes: string[] = [];
    const ingress = await openIngress(dir(), {
      dedupe: { now: () => NOW },
      rulesOf: (tenant) => registry.get(tenant)?.rules,
      onBatch: ({ tenant }, records) => {
        const rows = records.flatMap(({ events }) => linesOf<EventRow>(events));
        came.push(...rows.map(({ id }) => `${tenant} ${id}`));
        const decisions = records.flatMap((record) => linesOf<DecisionRow>(record.decisions));
        outcomes.push(...decisions.map(({ rule, outcome }) => `${tenant} ${rule} ${outcome}`));
      },
    });
    try {
      await ingress.drained();
      assert.deepEqual(came.sort(), ['OK e2', 'UA e4']);
      assert.deepEqual(outcomes.sort(), ['OK r eligible', 'UA big eligible']);
      const known = await ingress.decider.subject('UA', 'a');
      assert.deepEqual(known?.profile?.values, { tier: 'gold' });
      assert.match(known?.decisions.big?.reason ?? '', /aggregates\.n = 5 and profile\.tier = "gold"/);
      // For a day after the move, ids that 0.1.0 has taken count whatever their source is.
      const order = (id: string, amount: number) =>
        event(id, 0, { type: 'order', subject: 'a', source: '/other', data: { amount } });
      const receipts = await ingress.accept('UA', 'events', [order('e1', 1), order('e9', 0.5)]);
      assert.deepEqual(receipts, ['duplicate', 'accepted']);
    } finally {
      await ingress.close();
      await registry.close();
    }
    assert.ok(existsSync(join(dir(), 'tenants', 'LA.yaml')), 'a file that is left out stays where it is');
  });

  it('has batch files and tables that are read as before', async () => {
    const store = createFileBatchStore(join(dir(), 'batches'));
    const ids: string[] = [];
    for await (const name of store.list({ tenant: 'UA', stream: 'events' }))
      ids.push(...linesOf<EventRow>((await store.open(name)).ndjson).map(({ id }) => id));
    assert.deepEqual(ids, ['e1', 'e2', 'e3']);
    const rowsOf = async (sql: string) =>
      (await queryTenant({ root: join(dir(), 'warehouse'), tenant: 'UA', sql })).rows;
    assert.deepEqual((await rowsOf('SELECT id FROM events ORDER BY id')).flat(), ids);
    assert.deepEqual(
      await rowsOf('SELECT event_id, event_source, outcome FROM decisions ORDER BY event_id'),
      [
        ['e1', null, 'ineligible'],
        ['e2', null, 'eligible'],
        ['e3', null, 'ineligible'],
      ],
    );
  });
});
