import assert from 'node:assert/strict';
import type { LoadBatch } from '../../../../src/stores/warehouse/warehouse.js';
import {
  isUploadInPieces,
  type Asked,
  type BigQueryServer,
  type Instead,
  type Resource,
} from '../../../support/bigquery-server.js';
import { useServedWarehouse } from '../../../support/bigquery-warehouse.js';
import { batchId, event, Fixture } from '../fixture.js';

/** 17 MB as NDJSON: three pieces of 8 MiB, the last a smaller one. */
const ROWS = 100;
const MiB = 1024 ** 2;

// Google's answers are those of its documentation, given by a server of the tests: emulators take a file in one piece.
describe('large files that are uploaded to BigQuery', function () {
  this.timeout(60_000);
  const served = useServedWarehouse();
  let server: BigQueryServer;
  let fixture: Fixture;

  beforeEach(() => {
    ({ server, fixture } = served());
  });

  let source: Fixture;
  let large: LoadBatch;

  before(() => {
    source = new Fixture();
    const text = 'x'.repeat(170_000);
    const rows = Array.from({ length: ROWS }, (_, n) => event(`e${n}`, { data: { n, text } }));
    large = source.batch(batchId(1), rows);
  });
  after(() => source.close());

  const load = () => fixture.load('w1', [large]);
  const assertWhole = (): void => {
    assert.equal(server.jobs.size, 1);
    const { bytes, announced } = server.uploads.at(-1)!;
    assert.equal(bytes.length, announced);
    const ids = bytes.toString('utf8').trimEnd().split('\n');
    assert.deepEqual(
      ids.map((line) => (JSON.parse(line) as Resource).id),
      Array.from({ length: ROWS }, (_, n) => `e${n}`),
    );
  };
  const pieces = () => server.asked.filter((asked) => asked.method === 'PUT').map(({ range }) => range);
  /** What to do with the `n`th piece, from 1. */
  const onPiece = (n: number, instead: Instead) => {
    let seen = 0;
    return ({ method, range }: Asked): Instead | undefined =>
      method === 'PUT' && !range?.includes('*') && ++seen === n ? instead : undefined;
  };

  it('go in pieces, and their job begins with the last', async () => {
    assert.equal((await load()).rows, ROWS);
    assertWhole();
    const { announced } = server.uploads[0]!;
    assert.deepEqual(pieces(), [
      `bytes 0-${8 * MiB - 1}/${announced}`,
      `bytes ${8 * MiB}-${16 * MiB - 1}/${announced}`,
      `bytes ${16 * MiB}-${announced - 1}/${announced}`,
    ]);
    const [begun] = server.asked.filter(isUploadInPieces);
    assert.match(JSON.stringify(begun?.body), /"location":"EU".*"WRITE_APPEND"/);
  });

  for (const [what, instead] of [
    ['is cut off', 'lost'],
    ['is answered 503', { status: 503, reason: 'backendError' }],
  ] as const) {
    it(`go on where they were when a piece ${what}, and nothing of it has arrived`, async () => {
      server.refuse = onPiece(2, instead);
      assert.equal((await load()).rows, ROWS);
      assertWhole();
      assert.equal(server.uploads.length, 1);
      assert.equal(pieces().filter((range) => range?.startsWith('bytes 0-')).length, 1);
    });

    it(`go on where they were when a piece ${what} after it has arrived`, async () => {
      server.afterwards = onPiece(2, instead);
      assert.equal((await load()).rows, ROWS);
      assertWhole();
      assert.equal(pieces().filter((range) => range?.startsWith(`bytes ${8 * MiB}-`)).length, 1);
    });
  }

  it('are done when the answer to the last piece is lost', async () => {
    server.afterwards = onPiece(3, 'lost');
    assert.equal((await load()).rows, ROWS);
    assertWhole();
  });

  it('go on with what has not been kept of a piece', async () => {
    server.kept = ({ length }) => (length > 3 * MiB ? 3 * MiB : length);
    assert.equal((await load()).rows, ROWS);
    assertWhole();
  });

  it('begin anew at the next attempt when nothing goes on, under the same id', async () => {
    server.kept = () => 0;
    const problem = { code: 'WAREHOUSE_UNAVAILABLE', retryable: true };
    await assert.rejects(load(), problem);
    assert.equal(server.jobs.size, 0);
    server.kept = ({ length }) => length;
    assert.equal((await load()).rows, ROWS);
    assertWhole();
    assert.equal(new Set(server.submitted()).size, 1);
  });

  it('are refused as other requests are', async () => {
    server.refuse = (asked) =>
      isUploadInPieces(asked)
        ? { status: 403, reason: 'accessDenied', message: 'no job for you' }
        : undefined;
    const problem = { code: 'WAREHOUSE_REFUSED', message: /bigquery\.jobUser.*no job for you/ };
    await assert.rejects(load(), problem);
  });

  it('are called off between two pieces', async () => {
    const aborted = new AbortController();
    server.afterwards = (asked) => {
      if (asked.range?.startsWith('bytes 0-')) aborted.abort(new Error('out of time'));
      return undefined;
    };
    const rows = [event('a', { data: { text: 'x'.repeat(9 * MiB) } })];
    const loading = fixture.load('w1', [fixture.batch(batchId(1), rows)], { signal: aborted.signal });
    await assert.rejects(loading, /out of time/);
    assert.equal(server.jobs.size, 0);
  });
});
