import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventRow, InputStream } from '../../src/events/event.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import type { PromotedField } from '../../src/events/promoted-field.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import { gzipSync } from 'node:zlib';
import { batchId, event, Fixture } from '../stores/warehouse/fixture.js';
import { killAll, runHeadgate } from '../support/headgate.js';

interface ShownColumn {
  readonly name: string;
  readonly type: string;
  readonly values?: number;
  readonly field?: string;
  readonly since?: string;
  readonly clashes?: { readonly count: number; readonly sample: string };
}

const NOW = new Date();
const TODAY = NOW.toISOString().slice(0, 10).replaceAll('-', '');

describe('headgate schema TENANT', function () {
  this.timeout(60_000);
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
  });
  afterEach(async () => {
    await killAll();
    await fixture.close();
  });

  const run = (...args: string[]) => runHeadgate(['schema', ...args], { HEADGATE_DATA_DIR: fixture.dir });

  function configure(tenant: string, warehouse: object): void {
    mkdirSync(join(fixture.dir, 'tenants'), { recursive: true });
    writeFileSync(join(fixture.dir, 'tenants', `${tenant}.yaml`), JSON.stringify({ tenant, warehouse }));
  }

  async function columns(tenant = 'UA', table = 'events'): Promise<[number, Map<string, ShownColumn>]> {
    const { code, stdout, stderr } = await run(tenant, '--json');
    assert.deepEqual([code, stderr], [0, '']);
    const { tables } = JSON.parse(stdout) as {
      tables: { table: string; rows: number; columns: ShownColumn[] }[];
    };
    const found = tables.find((each) => each.table === table)!;
    return [found.rows, new Map(found.columns.map((column) => [column.name, column]))];
  }

  describe('with tables', () => {
    beforeEach(async () => {
      const a: PromotedField = { column: 'a', path: ['a'], type: 'integer' };
      const b: PromotedField = { column: 'b', path: ['in', 'b'], type: 'text' };
      const loads: [PromotedField[], unknown[]][] = [
        [[], [{ a: 1, in: { b: 'x' } }, { a: 'one' }, {}]],
        [[a], [{ a: 2 }, { a: 'two', in: { b: 2 } }, { a: null }]],
        [
          [a, b],
          [{ a: 3, in: { b: 'y' } }, { a: 4.5 }],
        ],
      ];
      for (const [n, [promoted, data]] of loads.entries()) {
        const rows = data.map((each, index) => event(`${n}.${index}`, { data: each, subject: undefined }));
        const loadedAt = `2024-03-1${n}T12:00:00.000Z`;
        await fixture.load(`w${n}`, [fixture.batch(batchId(n), rows)], { promoted, loadedAt });
      }
      configure('UA', {
        promote: [
          { field: 'a', type: 'integer' },
          { field: 'later', type: 'boolean' },
        ],
      });
    });

    it('counts values and clashes of each column, those loaded before it was promoted as well', async () => {
      const [rows, found] = await columns();
      assert.equal(rows, 8);
      assert.deepEqual(
        [found.get('id')?.values, found.get('subject')?.values, found.get('data')?.values],
        [8, 0, 8],
      );
      const { clashes, ...a } = found.get('a')!;
      assert.deepEqual(a, {
        name: 'a',
        type: 'BIGINT',
        values: 3,
        field: 'a',
        since: '2024-03-11T12:00:00.000Z',
      });
      assert.equal(clashes?.count, 3);
      assert.ok(['"one"', '"two"', '4.5'].includes(clashes?.sample ?? ''), clashes?.sample);
      assert.deepEqual(found.get('b'), {
        name: 'b',
        type: 'VARCHAR',
        values: 2,
        field: 'in.b',
        since: '2024-03-12T12:00:00.000Z',
        clashes: { count: 1, sample: '2' },
      });
      assert.equal(found.get('_clashes')?.values, 3);
      assert.deepEqual(found.get('later'), { name: 'later', type: 'BOOLEAN', field: 'later' });
    });

    it('shows the same as a table', async () => {
      const { stdout } = await run('UA');
      assert.match(stdout, /^events: 8 rows$/m);
      assert.match(stdout, /│ a +│ BIGINT +│ a +│ 2024-03-11 12:00 │ +3 │ +3 │ ("one"|"two"|4\.5) +│/);
      assert.match(stdout, /│ later +│ BOOLEAN +│ later +│ not loaded yet/);
      assert.match(stdout, /^decisions: 0 rows$/m);
    });

    it('shows nothing of it to another tenant, and refuses what is no tenant', async () => {
      const [rows, found] = await columns('DL');
      assert.deepEqual([rows, found.has('a')], [0, false]);
      assert.match((await run('DL')).stdout, /DL is not configured here/);
      assert.match((await run('../UA')).stderr, /\[TENANT_ID_INVALID\]/);
    });
  });

  it('shows the columns of a warehouse in BigQuery as configured', async () => {
    const promote = [{ field: 'delay.minutes', type: 'integer' }];
    configure('UA', { kind: 'bigquery', project: 'pro-ject', location: 'EU', promote });
    const { stdout } = await run('UA');
    assert.match(stdout, /│ delay_minutes +│ BIGINT +│ delay\.minutes +│/);
    assert.match(stdout, /FROM `pro-ject\.headgate_UA\.events` WHERE _clashes IS NOT NULL/);
  });

  describe('--infer', () => {
    const put = async (
      rows: readonly Partial<EventRow>[],
      stream: InputStream = 'events',
      n = 1,
    ): Promise<void> => {
      const lines = rows.map((row, index) =>
        JSON.stringify({ ...event(`e${index}`), received_at: NOW.toISOString(), ...row }),
      );
      const store = createFileBatchStore(join(fixture.dir, 'batches'));
      const name = { tenant: 'UA', stream, batchId: batchId(n, TODAY) };
      await store.write(name, gzipSync(`${lines.join('\n')}\nno event\n`), lines.length + 1);
    };

    beforeEach(async () => {
      const old = new Date(NOW.getTime() - 30 * 3_600_000).toISOString();
      await put([
        {
          type: 'order',
          data: { total: 5, currency: 'EUR', at: '2024-03-10T12:00:00Z', 'odd.key': { Übung: true } },
        },
        {
          type: 'order',
          data: { total: 5.5, currency: 'USD', at: '2024-03-10T12:00:00+01:00', tags: ['x'] },
        },
        { type: 'order', data: { total: '7', currency: null, unitPrice: 1, type: 'a' } },
        { type: 'cancel', data: { total: 1, done: false } },
        { type: 'cancel', data: 'text' },
        { type: 'cancel', data: { old: 1 }, received_at: old },
      ]);
      await put([{ type: 'profile', data: { seats: 180 } }], 'user-properties', 2);
    });

    it('says what the fields of each type hold, and which type would fit them', async () => {
      const { code, stdout, stderr } = await run('UA', '--infer');
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^UA: 6 events received from /);
      assert.match(stdout, /^order \(events\): 3 events$/m);
      assert.match(stdout, /│ total +│ +100% │ integer 1, number 1, text 1 │ number +│ +1 │ +1 │ 5 +│/);
      assert.match(stdout, /│ currency +│ +100% │ text 2, null 1 +│ text +│ +│ +3 │ "EUR" +│/);
      assert.match(stdout, /│ at +│ +66% │ timestamp +│ timestamp +│/);
      assert.match(stdout, /│ "odd\.key"\.Übung +│ +33% │ boolean +│ boolean +│/);
      assert.match(stdout, /^cancel \(events\): 2 events$/m);
      assert.match(stdout, /^profile \(user-properties\): 1 event$/m);
      assert.doesNotMatch(stdout, /│ old +│/);
    });

    it('ends with what to paste into the file of the tenant, which it fits', async () => {
      const { stdout } = await run('UA', '--infer');
      const block = stdout.slice(stdout.indexOf('warehouse:\n'));
      const { promote } = parseTenantConfig(`tenant: UA\n${block}`, 'UA.yaml').warehouse;
      const shown = promote?.map(({ path, type, column, stream }) => [path.join('/'), type, column, stream]);
      assert.deepEqual(shown?.sort(), [
        ['at', 'timestamp', 'at', 'events'],
        ['currency', 'text', 'currency', 'events'],
        ['done', 'boolean', 'done', 'events'],
        ['odd.key/Übung', 'boolean', 'odd_key_ubung', 'events'],
        ['seats', 'integer', 'seats', 'user-properties'],
        ['total', 'number', 'total', 'events'],
        ['type', 'text', 'data_type', 'events'],
        ['unitPrice', 'integer', 'unit_price', 'events'],
      ]);
    });

    it('leaves out what is promoted already, and looks at the hours it is told to', async () => {
      configure('UA', {
        promote: [
          { field: 'total', type: 'number' },
          { field: 'x', type: 'text', column: 'at' },
        ],
      });
      const { stdout } = await run('UA', '--infer', '--hours', '48', '--json');
      const { events, promote } = JSON.parse(stdout) as { events: number; promote: Record<string, string>[] };
      assert.equal(events, 7);
      const fields = promote.map(({ field }) => field);
      assert.ok(fields.includes('old') && !fields.includes('total'), fields.join());
      assert.deepEqual(
        promote.find(({ field }) => field === 'at'),
        { field: 'at', type: 'timestamp', column: 'at_2' },
      );
    });

    it('keeps to what it can remember, and says what it has left out', async () => {
      const many = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`k${n}`, n]));
      const deep = { a: { b: { c: { d: { e: { f: { g: { h: 1 } } } } } } } };
      const types = Array.from({ length: 510 }, (_, n) => ({ type: `t${n}`, data: { n } }));
      await put([{ type: 'wide', data: many }, { type: 'deep', data: deep }, ...types], 'events', 3);
      const { stdout } = await run('UA', '--infer', '--json');
      const found = JSON.parse(stdout) as {
        types: { type: string; fields: unknown[] }[];
        typesLeftOut: number;
        fieldsLeftOut: number;
        unreadable: number;
      };
      assert.equal(found.types.length, 500);
      assert.equal(found.types.find(({ type }) => type === 'wide')?.fields.length, 500);
      assert.deepEqual([found.typesLeftOut, found.fieldsLeftOut, found.unreadable], [15, 101, 0]);
    });

    it('says that there is nothing where nothing is kept', async () => {
      assert.match((await run('DL', '--infer')).stdout, /^DL: 0 events .*\n.*nothing more to promote/s);
      assert.match((await run('UA', '--infer', '--hours', 'all')).stderr, /a whole number of hours/);
      assert.match((await run()).stderr, /Usage: headgate schema/);
    });
  });
});
