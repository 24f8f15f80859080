import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { audit, isClean, type AuditOptions } from '../../src/audit/audit.js';
import type { TenantAudit } from '../../src/audit/tenant-audit.js';
import { HeadgateError } from '../../src/errors.js';
import { dataPaths } from '../../src/roles/stores.js';
import { createFileQuarantine } from '../../src/stores/quarantine/file.js';
import { eraseTenant } from '../../src/removal/erase-tenant.js';
import { createLocalKeyFiles } from '../../src/stores/batch-keys/file.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import { createSeal } from '../../src/stores/batch-store/seal.js';
import { keepVersion, noteInForce } from '../../src/tenants/config/versions.js';
import { openTenantRegistry } from '../../src/tenants/config/registry.js';
import { keysOf, masterKey } from '../support/batch-keys.js';
import { leavesNoTemporaryFile, useTempDir } from '../support/temp-dir.js';
import { writeBatchFile, writeParquetFile, type FileRow } from '../support/warehouse-files.js';

const FIRST = '20260301-0123abcd-000000001';
const SECOND = '20260302-0123abcd-000000002';

const RECEIVED = '2026-03-01T12:00:00.000Z';

const order = (id: string, batchId = FIRST, received_at = RECEIVED): FileRow => ({
  source: '/shop',
  id,
  type: 'order.placed',
  batch_id: batchId,
  received_at,
});
const decision = (event: string, rule: string, version = 'v1', batchId = FIRST): FileRow => ({
  id: `${event}:${rule}:${version}`,
  event_id: event,
  rule,
  batch_id: batchId,
});

/** What is in a gzip file; undefined if it is damaged. */
function inflates(file: Buffer): string | undefined {
  try {
    return gunzipSync(file).toString();
  } catch {
    return undefined;
  }
}

describe('the audit', function () {
  this.timeout(30_000);
  const dir = useTempDir();

  beforeEach(() => {
    mkdirSync(join(dir(), 'tenants'));
    const rules = ['large', 'first'].map((name) => ({ name, on: ['order.placed'], when: 'true' }));
    for (const tenant of ['UA', 'DL'])
      writeFileSync(join(dir(), 'tenants', `${tenant}.yaml`), JSON.stringify({ tenant, rules }));
  });

  async function run(more: Partial<AuditOptions> = {}): Promise<TenantAudit[]> {
    const registry = await openTenantRegistry({ dir: join(dir(), 'tenants') });
    await registry.close();
    return audit({
      paths: dataPaths(dir()),
      tenants: registry.list(),
      stream: 'events',
      days: {},
      show: 10,
      batchStore: createFileBatchStore(dataPaths(dir()).batches),
      onProgress: () => undefined,
      onSkipped: (message) => assert.fail(message),
      ...more,
    });
  }

  const ofUA = async (more: Partial<AuditOptions> = {}): Promise<TenantAudit> => {
    const [found] = await run({ tenant: 'UA', ...more });
    return found as TenantAudit;
  };

  async function* lines(...all: string[]): AsyncIterable<string> {
    yield* all;
  }

  /** Three orders and what must come of them, all as it should be. */
  async function writeSound(): Promise<void> {
    const orders = ['a', 'b', 'c'].map((id) => order(id));
    writeBatchFile(dir(), 'UA', 'events', FIRST, orders);
    await writeParquetFile(dir(), 'UA', 'events', 'load1', orders);
    const decisions = orders.flatMap(({ id = '' }) => [decision(id, 'large'), decision(id, 'first')]);
    await writeParquetFile(dir(), 'UA', 'decisions', 'load1', decisions);
  }

  it('finds nothing wrong with what is right, and counts it', async () => {
    await writeSound();
    const found = await ofUA();
    assert.equal(isClean(found), true);
    const { acknowledged, inBatchFiles, inWarehouse, decisionsExpected } = found;
    assert.deepEqual([acknowledged, inBatchFiles, inWarehouse, decisionsExpected], [3, 3, 3, 6]);
  });

  it('names what a batch file holds and the warehouse does not, with its batch', async () => {
    await writeSound();
    writeBatchFile(dir(), 'UA', 'user-properties', SECOND, [
      { source: '/crm', id: 'p', type: 'customer.changed' },
    ]);
    const { missing } = await ofUA();
    assert.deepEqual(missing, {
      count: 1,
      first: [{ stream: 'user-properties', source: '/crm', id: 'p', batchId: SECOND }],
    });
  });

  it('names what was acknowledged by an id alone, though no batch file is kept', async () => {
    await writeSound();
    const ids = lines('a', 'lost', '{"stream":"user-properties","id":"a"}');
    const { acknowledged, inWarehouse, missing } = await ofUA({ ids });
    assert.deepEqual([acknowledged, inWarehouse], [3, 1]);
    assert.deepEqual(missing.first, [
      { stream: 'events', source: null, id: 'lost' },
      { stream: 'user-properties', source: null, id: 'a' },
    ]);
  });

  it('tells events of two sources with one id apart, also where acknowledged ids say no source', async () => {
    const both = ['/berlin', '/paris'].map((source) => ({ ...order('a'), source }));
    writeBatchFile(dir(), 'UA', 'events', FIRST, both);
    await writeParquetFile(dir(), 'UA', 'events', 'load1', both.slice(0, 1));
    const made = ['large', 'first'].map((rule) => ({ ...decision('a', rule), event_source: '/berlin' }));
    await writeParquetFile(dir(), 'UA', 'decisions', 'load1', made);
    const missing = { stream: 'events', source: '/paris', id: 'a', batchId: FIRST };
    const given = lines('{"tenant":"UA","source":"/berlin","id":"a"}', '{"source":"/paris","id":"a"}');
    for (const ids of [undefined, lines('a'), given]) {
      const { acknowledged, inWarehouse, missing: found, doubled, decisionsMissing } = await ofUA({ ids });
      assert.deepEqual([acknowledged, inWarehouse, doubled.count, decisionsMissing.count], [2, 1, 0, 0]);
      assert.deepEqual(found.first, [missing]);
    }
    await writeParquetFile(dir(), 'UA', 'events', 'load2', both.slice(1));
    assert.equal((await ofUA()).decisionsMissing.count, 2, 'those on the event of the other source');
  });

  it('names rows that are there twice, and tells a batch loaded twice from an event taken in twice', async () => {
    await writeSound();
    await writeParquetFile(dir(), 'UA', 'events', 'load2', [order('a'), order('b', SECOND)]);
    const { doubled } = await ofUA();
    assert.deepEqual(doubled, {
      count: 2,
      first: [
        { stream: 'events', source: '/shop', id: 'a', rows: 2, batchIds: [FIRST] },
        { stream: 'events', source: '/shop', id: 'b', rows: 2, batchIds: [FIRST, SECOND] },
      ],
    });
  });

  it('counts what the disk has damaged before it was in a batch file, by batch and in the range of days', async () => {
    await writeSound();
    const quarantine = createFileQuarantine(join(dir(), 'quarantine'));
    const chunk = { seq: 2, events: 40, receivedAt: '2026-03-02T00:00:00Z', types: [], firstEvent: 'x' };
    const name = { tenant: 'UA', stream: 'events' as const, batchId: SECOND };
    await quarantine.noteLost(name, {
      events: 40,
      chunks: [{ ...chunk, lastEvent: 'y', problem: 'damaged' }],
    });
    // A start that was refused is no damage: its events are in their batch file.
    await quarantine.keepStart({ ...name, batchId: FIRST }, '{}');
    const found = await ofUA();
    const damaged = { count: 40, first: [{ stream: 'events', batchId: SECOND, events: 40 }] };
    assert.deepEqual([found.damaged, isClean(found)], [damaged, false]);
    assert.equal(isClean(await ofUA({ days: { to: '2026-03-01' } })), true);
    const [other] = await run({ tenant: 'DL' });
    assert.equal(other?.damaged.count, 0);
  });

  it('wants one decision per rule, whatever its version, of events that concern rules alone', async () => {
    const events = [order('a'), order('b'), { ...order('c'), type: 'page.viewed' }];
    writeBatchFile(dir(), 'UA', 'events', FIRST, events);
    await writeParquetFile(dir(), 'UA', 'events', 'load1', events);
    const decisions = [decision('a', 'large'), decision('a', 'first', 'v2'), decision('b', 'large')];
    await writeParquetFile(dir(), 'UA', 'decisions', 'load1', [...decisions, decision('a', 'first', 'v3')]);
    const { decisionsExpected, decisionsMissing, decisionsDoubled } = await ofUA();
    assert.equal(decisionsExpected, 4);
    assert.deepEqual(decisionsMissing, {
      count: 1,
      first: [{ eventId: 'b', rule: 'first', batchId: FIRST }],
    });
    assert.deepEqual(decisionsDoubled, { count: 1, first: [{ eventId: 'a', rule: 'first', rows: 2 }] });
  });

  it('wants the decisions of the rules that were configured when an event came', async () => {
    const versions = join(dir(), 'tenant-versions');
    const apply = (names: readonly string[], at: string) => {
      const rules = names.map((name) => ({ name, on: ['order.placed'], when: 'true' }));
      return keepVersion(versions, 'UA', JSON.stringify({ tenant: 'UA', rules }), Date.parse(at));
    };
    const inForce = async (names: readonly string[], at: string) =>
      noteInForce(versions, 'UA', await apply(names, at), Date.parse(at));
    await apply(['older'], '2026-01-01T00:00:00Z');
    await inForce(['old'], '2026-03-01T00:00:00Z');
    await inForce(['old'], '2026-03-01T11:00:00Z');
    await apply(
      ['tried by a replay'].map(() => 'tried'),
      '2026-03-01T12:30:00Z',
    );
    await inForce(['large', 'first'], '2026-03-01T13:00:00Z');
    const orders = [
      order('before'),
      order('meanwhile', FIRST, '2026-03-01T13:00:30.000Z'),
      order('after', FIRST, '2026-03-01T14:00:00.000Z'),
      order('ages ago', FIRST, '2026-02-01T14:00:00.000Z'),
    ];
    writeBatchFile(dir(), 'UA', 'events', FIRST, orders);
    await writeParquetFile(dir(), 'UA', 'events', 'load1', orders);
    const made = [decision('before', 'old'), decision('meanwhile', 'old'), decision('after', 'large')];
    await writeParquetFile(dir(), 'UA', 'decisions', 'load1', made);
    const found = await ofUA();
    assert.equal(found.decisionsExpected, 3);
    assert.deepEqual(
      found.decisionsMissing.first.map(({ eventId, rule }) => [eventId, rule]),
      [['after', 'first']],
    );
  });

  it('takes what a replay has decided by other rules for no second decision, unless that is there twice', async () => {
    const [event, replayed] = [order('a'), '20260301-fedcba98-000000001'];
    writeBatchFile(dir(), 'UA', 'events', FIRST, [event]);
    await writeParquetFile(dir(), 'UA', 'events', 'load1', [event]);
    const live = [decision('a', 'large'), decision('a', 'first')];
    const again = decision('a', 'large', 'v2', replayed);
    await writeParquetFile(dir(), 'UA', 'decisions', 'load1', [...live, again]);
    assert.equal((await ofUA()).decisionsDoubled.count, 0);
    await writeParquetFile(dir(), 'UA', 'decisions', 'load2', [again]);
    assert.deepEqual((await ofUA()).decisionsDoubled.first, [{ eventId: 'a', rule: 'large', rows: 2 }]);
  });

  it('looks at the batches of the days asked for alone', async () => {
    writeBatchFile(dir(), 'UA', 'events', FIRST, [order('a')]);
    writeBatchFile(dir(), 'UA', 'events', SECOND, [order('b', SECOND)]);
    const ids = async (from?: string, to?: string) =>
      (await ofUA({ days: { from, to } })).missing.first.map(({ id }) => id);
    assert.deepEqual(await ids('2026-03-02'), ['b']);
    assert.deepEqual(await ids(undefined, '2026-03-01'), ['a']);
    assert.deepEqual(await ids('2026-03-01', '2026-03-02'), ['a', 'b']);
    await writeParquetFile(dir(), 'UA', 'events', 'load1', [order('a'), order('a')]);
    assert.equal((await ofUA({ days: { from: '2026-03-02' } })).doubled.count, 0);
    assert.equal((await ofUA({ days: { to: '2026-03-01' } })).doubled.count, 1);
  });

  it('looks at every tenant separately: all that are configured, or all that the ids name', async () => {
    await writeSound();
    const tenantsOf = async (more: Partial<AuditOptions>) =>
      (await run(more)).map(({ tenant, missing }) => `${tenant} ${missing.count}`);
    assert.deepEqual(await tenantsOf({}), ['DL 0', 'UA 0']);
    const ids = () => lines('{"tenant":"DL","id":"a"}', '{"tenant":"UA","id":"a"}');
    assert.deepEqual(await tenantsOf({ ids: ids() }), ['DL 1', 'UA 0']);
    assert.deepEqual(await tenantsOf({ ids: ids(), tenant: 'UA' }), ['UA 0']);
  });

  it('takes any id for an id, and never for SQL', async () => {
    const nasty = [`'); DROP TABLE stored; --`, '"', '\\', `$1`, 'naïve ☃ \u0000', '{"not": "closed"'];
    const rows = nasty.map((id) => order(id));
    writeBatchFile(dir(), 'UA', 'events', FIRST, rows);
    const asJson = nasty.map((id) => JSON.stringify({ id }));
    const found = await ofUA({ ids: lines(...asJson), show: 100 });
    assert.deepEqual(found.missing.first.map(({ id }) => id).sort(), [...nasty].sort());
    assert.ok(found.missing.first.every(({ batchId }) => batchId === FIRST));
    await writeParquetFile(dir(), 'UA', 'events', 'load1', rows);
    assert.equal((await ofUA({ ids: lines(...asJson) })).missing.count, 0);
  });

  it('names no more than asked for, and counts all', async () => {
    const rows = Array.from({ length: 500 }, (_, index) => order(`order-${index}`));
    writeBatchFile(dir(), 'UA', 'events', FIRST, rows);
    const { missing } = await ofUA({ show: 3 });
    assert.deepEqual([missing.count, missing.first.length], [500, 3]);
  });

  for (const [line, problem] of Object.entries({
    '{"tenant":"UA"}': /Line 2 .* no "id"/,
    '{"tenant":"UA","id":7}': /Line 2 .* no "id"/,
    '{"tenant":"../UA","id":"a"}': /Line 2 .* names no tenant/,
    a: /Line 2 .* names no tenant/,
    '{"tenant":"UA","stream":"decisions","id":"a"}': /Line 2 .* names no stream/,
    '{"tenant":': /Line 2 .* no "id"/,
  })) {
    it(`says which line of the ids it cannot use: ${line}`, () =>
      assert.rejects(run({ ids: lines('{"tenant":"UA","id":"a"}', line) }), (error) => {
        assert.ok(error instanceof HeadgateError && error.code === 'FILE_UNREADABLE');
        assert.match(error.message, problem);
        return true;
      }));
  }

  it('knows no tenant that is not configured, and passes over links out of a tenant', async () => {
    await assert.rejects(run({ tenant: 'XX' }), { code: 'TENANT_UNKNOWN' });
    await writeSound();
    mkdirSync(join(dir(), 'batches', 'DL'), { recursive: true });
    symlinkSync(join(dir(), 'batches', 'UA', 'events'), join(dir(), 'batches', 'DL', 'events'));
    mkdirSync(join(dir(), 'batches', 'DL', 'user-properties'));
    symlinkSync(
      join(dir(), 'batches', 'UA', 'events', '2026-03-01'),
      join(dir(), 'batches', 'DL', 'user-properties', '2026-03-01'),
    );
    const [found] = await run({ tenant: 'DL' });
    assert.equal(found?.acknowledged, 0);
  });

  it('reads nothing of a batch file with a flipped bit, which DuckDB would, and names it', async () => {
    await writeSound();
    const path = join(dir(), 'batches', 'UA', 'events', '2026-03-01', `${FIRST}.ndjson.gz`);
    const good = readFileSync(path);
    for (let bit = 10 * 8; bit < good.length * 8; bit += 397) {
      const bytes = Buffer.from(good);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      // Some bits fill up a byte and mean nothing.
      if (inflates(bytes) === inflates(good)) continue;
      writeFileSync(path, bytes);
      const found = await ofUA();
      const damagedFiles = { count: 1, first: [{ stream: 'events', batchId: FIRST }] };
      assert.deepEqual([found.damagedFiles, found.acknowledged], [damagedFiles, 0], `bit ${bit}`);
      assert.equal(isClean(found), false);
    }
  });

  it('leaves nothing behind', async () => {
    await writeSound();
    await leavesNoTemporaryFile(async () => void (await ofUA()));
    const table = join(dir(), 'warehouse', 'UA', 'events', 'day=2026-03-01');
    mkdirSync(table, { recursive: true });
    writeFileSync(join(table, 'load2.parquet'), 'not Parquet');
    await leavesNoTemporaryFile(() => assert.rejects(ofUA(), { code: 'WAREHOUSE_FAILED' }));
  });

  it('passes over a tenant that is erased, and says so; of one that is asked for it is the answer', async () => {
    await writeSound();
    const { batches: root, downloads } = dataPaths(dir());
    const files = createLocalKeyFiles(root);
    const current = masterKey();
    const open = () =>
      createFileBatchStore(root, { seal: createSeal(keysOf(files, { current })), downloads });
    const name = { tenant: 'DL', stream: 'events', batchId: FIRST } as const;
    await open().write(name, gzipSync(`${JSON.stringify(order('a'))}\n`), 1);
    const before = await run({ batchStore: open() });
    assert.deepEqual(before.map(({ inBatchFiles }) => inBatchFiles).sort(), [1, 3]);
    await eraseTenant(files, open(), 'DL');
    const options = { batchStore: open() };
    const skipped: string[] = [];
    const results = await run({ ...options, onSkipped: (message) => skipped.push(message) });
    assert.deepEqual(
      results.map(({ tenant }) => tenant),
      ['UA'],
    );
    assert.match(skipped.join(), /^The key of tenant DL was deleted at/);
    await assert.rejects(run({ ...options, tenant: 'DL' }), { code: 'TENANT_ERASED' });
  });
});
