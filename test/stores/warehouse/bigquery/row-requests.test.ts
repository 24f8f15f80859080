import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rowRequests, type RowRequest } from '../../../../src/stores/warehouse/bigquery/row-requests.js';

describe('requests of rows', () => {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-rows-'));
  const path = join(dir, 'rows.ndjson');
  after(() => rmSync(dir, { recursive: true }));

  const requests = async (lines: readonly string[], maxBytes: number): Promise<RowRequest[]> => {
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
    const found: RowRequest[] = [];
    for await (const request of rowRequests(path, maxBytes)) found.push(request);
    return found;
  };
  const sizes = (found: readonly RowRequest[]) => found.map(({ offset, rows }) => [offset, rows.length]);

  it('have every row once and in order, also where a character lies across two reads', async () => {
    const rows = Array.from({ length: 3_000 }, (_, n) => ({ id: `${n}`, text: 'é🛫\u2028'.repeat(100) }));
    const found = await requests(
      rows.map((row) => JSON.stringify(row)),
      100_000,
    );
    assert.deepEqual(
      found.flatMap((request) => request.rows),
      rows,
    );
    assert.ok(found.length > 10);
    let next = 0;
    for (const { offset, rows } of found) {
      assert.equal(offset, next);
      next += rows.length;
      assert.ok(Buffer.byteLength(rows.map((row) => JSON.stringify(row)).join('')) <= 100_000);
    }
  });

  it('are full when the next row would be too much, and a row that is too much goes alone', async () => {
    const line = (length: number) => JSON.stringify('x'.repeat(length - 2));
    assert.deepEqual(sizes(await requests([line(50), line(50), line(50)], 100)), [
      [0, 2],
      [2, 1],
    ]);
    assert.deepEqual(sizes(await requests([line(9), line(200), line(9)], 100)), [
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
  });

  it('of no rows are none', async () => {
    assert.deepEqual(await requests([], 100), []);
  });
});
