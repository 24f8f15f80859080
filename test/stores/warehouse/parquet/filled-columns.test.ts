import assert from 'node:assert/strict';
import { compactTenant } from '../../../../src/stores/warehouse/parquet/compaction.js';
import type { PromotedField, PromotedType } from '../../../../src/events/promoted-field.js';
import { rowsInFiles } from '../../../support/parquet.js';
import { recipeAfter } from '../../../support/documents.js';
import { batchId, event, Fixture } from '../fixture.js';

const PAGE = 'docs/how-to/read-the-parquet-files.md';

const field = (column: string, type: PromotedType): PromotedField => ({ column, type, path: [column] });

/** A value of a file as the tests write it: whole numbers of 64 bits as numbers. */
const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

describe('columns of fields that are promoted later', function () {
  this.timeout(20_000);
  let fixture: Fixture;
  let loads: number;

  beforeEach(() => {
    fixture = new Fixture();
    loads = 0;
  });
  afterEach(() => fixture.close());

  const compact = () => compactTenant({ root: fixture.root, tenant: 'UA', olderThanMs: 0, graceMs: 0 });

  it('are in the files themselves once these are compacted, with their values, on days before as well', async () => {
    const onDay = (day: string, data: object, promoted: readonly PromotedField[]) => {
      loads += 1;
      const rows = [event(`${loads}`, { data, time: `${day}T12:00:00Z` }), event('again', { data })];
      return fixture.load(`w${loads}`, [fixture.batch(batchId(loads, day.replaceAll('-', '')), rows)], {
        promoted,
        day,
        loadedAt: `${day}T12:00:0${loads}.000Z`,
      });
    };
    const stored = () => rowsInFiles(fixture.root, 'UA', 'events', 'id, a, b, _clashes, _repeated');
    const written = async () => (await compact()).written;
    const a = field('a', 'integer');
    await onDay('2024-03-08', { a: 1, b: 'x' }, []);
    await onDay('2024-03-09', { a: 2, b: 'y' }, [a]);
    await onDay('2024-03-09', { a: 'two', b: 3 }, [a]);
    assert.equal(await written(), 2);
    // Nothing is loaded into those days any more.
    await onDay('2024-03-10', { a: 4, b: 'z' }, [field('b', 'text'), a]);
    assert.equal(await written(), 3);
    const expected = [
      ['1', 1, 'x', null, false],
      ['2', 2, 'y', null, false],
      ['3', null, null, '{"a":"two","b":3}', false],
      ['4', 4, 'z', null, false],
      ['again', null, null, '{"a":"two","b":3}', true],
      ['again', 1, 'x', null, false],
      ['again', 2, 'y', null, true],
      ['again', 4, 'z', null, true],
    ];
    assert.deepEqual((await stored()).map((row) => row.map(plain)).sort(), expected);
    // Each once: what has all columns is not made anew again.
    assert.equal(await written(), 0);
    assert.equal(fixture.files().filter((name) => name.endsWith('.parquet')).length, 3);
    const shown = await fixture.rows('SELECT id, a, b FROM events ORDER BY id');
    assert.deepEqual(shown.at(-1), ['again', 1, 'x']);
    assert.equal(shown.length, 5);
  });

  it('are read until then as the documents say, by any DuckDB, also beside values that did not fit', async () => {
    const [, recipe = ''] =
      /SELECT id, (coalesce[^]+END\)) AS/.exec(recipeAfter(PAGE, 'that is not filled yet', 'sql')) ?? [];
    const promoted = { column: 'delay_minutes', type: 'integer', path: ['delay', 'minutes'] } as const;
    const load = (n: number, minutes: unknown, fields: readonly PromotedField[]) =>
      fixture.load(`w${n}`, [fixture.batch(batchId(n), [event(`${n}`, { data: { delay: { minutes } } })])], {
        promoted: fields,
      });
    await load(1, 15, []);
    await load(2, 'two hours', []);
    await load(3, 30, [promoted]);
    await load(4, 'none', [promoted]);
    await load(5, 30.7, []);
    await load(6, '15', []);
    await load(7, 0, []);
    const read = async (what: string) =>
      (await rowsInFiles(fixture.root, 'UA', 'events', `id, ${what}`)).map((row) => row.map(plain)).sort();
    const others = [['5', null], ['6', null]]; // prettier-ignore
    const asStored = [['1', null], ['2', null], ['3', 30], ['4', null], ...others, ['7', null]]; // prettier-ignore
    assert.deepEqual(await read('delay_minutes'), asStored);
    const filled = [['1', 15], ['2', null], ['3', 30], ['4', null], ...others, ['7', 0]]; // prettier-ignore
    assert.deepEqual(await read(recipe), filled);
    assert.deepEqual(await fixture.rows('SELECT id, delay_minutes FROM events ORDER BY id'), filled);
  });
});
