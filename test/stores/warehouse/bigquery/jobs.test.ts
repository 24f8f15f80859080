import assert from 'node:assert/strict';
import {
  isInsert,
  type BigQueryServer,
  type Instead,
  type Resource,
} from '../../../support/bigquery-server.js';
import { until } from '../../../support/until.js';
import { useServedWarehouse } from '../../../support/bigquery-warehouse.js';
import { batchId, event, type Fixture } from '../fixture.js';

const FIRST = /^headgate_UA_events_w1_[0-9a-f]{16}_0$/;
const SECOND = /^headgate_UA_events_w1_[0-9a-f]{16}_1$/;

describe('load jobs of the BigQuery warehouse', function () {
  this.timeout(30_000);
  const served = useServedWarehouse();
  let server: BigQueryServer;
  let fixture: Fixture;

  beforeEach(() => {
    ({ server, fixture } = served());
  });

  const batch = () => fixture.batch(batchId(1), [event('a'), event('b')]);
  const load = () => fixture.load('w1', [batch()]);
  const failed = (reason: string, message = 'as told'): Resource => {
    const errorResult = { reason, message, location: 'row 2' };
    return { status: { state: 'DONE', errorResult, errors: [errorResult] } };
  };
  const onInsert = (instead: Instead) => {
    let times = 0;
    return (asked: Parameters<typeof isInsert>[0]) =>
      isInsert(asked) && ++times === 1 ? instead : undefined;
  };

  it('carry the rows, labels, key and location, and add to a table that must be there', async () => {
    const kmsKey = 'projects/p/locations/eu/keyRings/r/cryptoKeys/k';
    served().config = { kmsKey, labels: { team: 'data' }, partitionExpirationMs: 86_400_000 };
    await load();
    const [inserted] = server.asked.filter(isInsert);
    const { jobReference, configuration } = inserted?.body as Record<string, Record<string, unknown>>;
    assert.equal(jobReference?.location, 'EU');
    assert.match(String(jobReference?.jobId), FIRST);
    assert.deepEqual(configuration, {
      labels: { team: 'data' },
      load: {
        destinationTable: { projectId: 'headgate-test', datasetId: 'd_UA', tableId: 'events' },
        sourceFormat: 'NEWLINE_DELIMITED_JSON',
        writeDisposition: 'WRITE_APPEND',
        createDisposition: 'CREATE_NEVER',
        maxBadRecords: 0,
        destinationEncryptionConfiguration: { kmsKeyName: kmsKey },
      },
    });
    const rows = (inserted?.lines ?? []).map((line) => JSON.parse(line) as Resource);
    assert.deepEqual(
      rows.map(({ id, time, _batch_id, _load_id, _loaded_at }) => [
        id,
        time,
        _batch_id,
        _load_id,
        _loaded_at,
      ]),
      ['a', 'b'].map((id) => [
        id,
        '2024-03-10T12:00:00.000000Z',
        batchId(1),
        'w1',
        '2024-03-10T12:00:05.000000Z',
      ]),
    );
  });

  it('find their dataset, table and view made as configured', async () => {
    const kmsKey = 'projects/p/locations/eu/keyRings/r/cryptoKeys/k';
    served().config = { kmsKey, labels: { team: 'data' }, partitionExpirationMs: 86_400_000 };
    await load();
    const { description, ...dataset } = server.resources.get('datasets/d_UA') as Resource;
    assert.match(String(description), /tenant UA/);
    assert.deepEqual(dataset, {
      datasetReference: { projectId: 'headgate-test', datasetId: 'd_UA' },
      location: 'EU',
      labels: { team: 'data' },
      defaultEncryptionConfiguration: { kmsKeyName: kmsKey },
    });
    const table = server.resources.get('datasets/d_UA/tables/events') as Resource;
    assert.deepEqual(table.timePartitioning, { type: 'DAY', field: '_loaded_at', expirationMs: '86400000' });
    assert.deepEqual(table.clustering, { fields: ['type', 'subject'] });
    assert.deepEqual(table.encryptionConfiguration, { kmsKeyName: kmsKey });
    const view = server.resources.get('datasets/d_UA/tables/events_deduped') as Resource;
    assert.match(JSON.stringify(view.view), /QUALIFY ROW_NUMBER\(\) OVER \(PARTITION BY source, id /);
    const own = ['usage', 'audit_log'].map(
      (name) => (server.resources.get(`datasets/d_UA/tables/${name}`) as { view: Resource }).view.query,
    );
    for (const [query, type] of [
      [own[0], 'headgate.usage.day'],
      [own[1], 'headgate.audit.act'],
    ])
      assert.ok(
        String(query).endsWith(
          ` FROM \`headgate-test.d_UA.events_deduped\` WHERE type = '${type}' AND _batch_id LIKE '________-00000000-%'`,
        ),
        String(query),
      );
  });

  it('find a column for each field that is promoted, also of a table that is there', async () => {
    await load();
    const promoted = [{ column: 'amount', path: ['n'], type: 'integer' }] as const;
    const rows = [event('c', { data: { n: 7 } }), event('d', { data: { n: 'seven' } })];
    const result = await fixture.load('w2', [fixture.batch(batchId(2), rows)], { promoted });
    assert.deepEqual(result.clashes, { amount: 1 });
    const { schema } = server.resources.get('datasets/d_UA/tables/events') as {
      schema: { fields: Resource[] };
    };
    assert.deepEqual(schema.fields.slice(-3), [
      { name: '_loaded_at', type: 'TIMESTAMP' },
      { name: 'amount', type: 'INTEGER' },
      { name: '_clashes', type: 'JSON' },
    ]);
    const { view } = server.resources.get('datasets/d_UA/tables/events_deduped') as { view: Resource };
    assert.match(String(view.query), /`amount`, `_clashes` FROM/);
    const [, second] = server.asked.filter(isInsert);
    const loaded = (second?.lines ?? []).map((line) => JSON.parse(line) as Resource);
    assert.deepEqual(
      loaded.map(({ amount, _clashes, data }) => [amount, _clashes, data]),
      [
        [7, null, { n: 7 }],
        [null, { amount: 'seven' }, { n: 'seven' }],
      ],
    );
    await fixture.restart();
    assert.deepEqual(await fixture.load('w2', [fixture.batch(batchId(2), rows)], { promoted }), result);
    // A column that is promoted no more stays, and is empty.
    await fixture.load('w3', [fixture.batch(batchId(3), [event('e')])]);
    assert.match(String(view.query), /`amount`, `_clashes` FROM/);
  });

  for (const [how, instead] of [
    ['is lost', 'lost'],
    ['is 503', { status: 503, reason: 'backendError' }],
    ['is 500, as an emulator answers a second time', { status: 500, reason: 'internalError' }],
  ] as const) {
    it(`are not submitted again when the answer ${how} and the job is there`, async () => {
      server.afterwards = onInsert(instead);
      assert.equal((await load()).rows, 2);
      assert.equal(server.submitted().length, 1);
    });

    it(`are submitted again under the same id when the answer ${how} and the job is not there`, async () => {
      server.refuse = onInsert(instead);
      await assert.rejects(load(), { code: 'WAREHOUSE_UNAVAILABLE', retryable: true });
      assert.equal((await load()).rows, 2);
      const [first, again, ...more] = server.submitted();
      assert.match(first ?? '', FIRST);
      assert.deepEqual([again, more], [first, []]);
    });
  }

  it('that somebody else has submitted meanwhile are fetched and waited for', async () => {
    // Answered 409 although nothing was there a moment ago.
    server.refuse = onInsert({ status: 409, reason: 'duplicate' });
    let jobId = '';
    server.afterwards = (asked) => {
      if (jobId === '' && asked.path.startsWith('jobs/')) {
        jobId = asked.path.slice('jobs/'.length);
        server.jobs.set(jobId, { status: { state: 'RUNNING' } });
      }
      return undefined;
    };
    const loading = load();
    await until(
      () => assert.ok(server.asked.filter(({ path }) => path === `jobs/${jobId}`).length > 3),
      10_000,
    );
    server.jobs.set(jobId, { status: { state: 'DONE' } });
    assert.equal((await loading).rows, 2);
    assert.equal(server.submitted().length, 1);
  });

  it('are asked for with their location: without it BigQuery finds those of the US alone', async () => {
    await load();
    const asked = server.asked.filter(({ path }) => path.startsWith('jobs/'));
    assert.ok(asked.length > 0);
    for (const { query } of asked) assert.equal(query.get('location'), 'EU');
  });

  it('that have failed for certain are followed by the next generation, also after a start', async () => {
    server.outcome = () => failed('backendError');
    await assert.rejects(load(), { code: 'WAREHOUSE_UNAVAILABLE', retryable: true });
    server.outcome = () => ({ status: { state: 'DONE' } });
    await fixture.restart();
    assert.equal((await load()).rows, 2);
    const [first, second, ...more] = server.submitted();
    assert.match(first ?? '', FIRST);
    assert.match(second ?? '', SECOND);
    assert.deepEqual(more, []);
    assert.deepEqual((await fixture.load('w2', [batch()])).alreadyHeld, [batchId(1)]);
  });

  it('do not walk through the failed generations again in the process that saw them fail', async () => {
    server.outcome = () => failed('backendError');
    for (let n = 0; n < 5; n++) await assert.rejects(load(), { code: 'WAREHOUSE_UNAVAILABLE' });
    server.asked.length = 0;
    server.outcome = () => ({ status: { state: 'DONE' } });
    await load();
    assert.ok(server.asked.length <= 3, server.asked.map(({ path }) => path).join());
  });

  it('of a load that failed leave its batches to another', async () => {
    server.outcome = () => failed('backendError');
    await assert.rejects(load(), { code: 'WAREHOUSE_UNAVAILABLE' });
    server.outcome = () => ({ status: { state: 'DONE' } });
    assert.deepEqual((await fixture.load('w2', [batch()])).loaded, [batchId(1)]);
    const again = await load();
    assert.deepEqual([again.rows, again.loaded, again.alreadyHeld], [0, [], [batchId(1)]]);
    assert.equal(server.submitted().length, 2);
  });

  it('that have loaded other rows than they should have are not taken for done', async () => {
    server.outcome = () => ({ status: { state: 'DONE' }, statistics: { load: { outputRows: '1' } } });
    const problem = { code: 'WAREHOUSE_FAILED', message: /has loaded 1 rows of 2/ };
    await assert.rejects(load(), problem);
  });

  it('are those of the first attempt when a reset load comes by on another day', async () => {
    server.afterwards = onInsert('lost');
    await load();
    await fixture.restart();
    const again = await fixture.load('w1', [batch()], {
      day: '2024-03-11',
      loadedAt: '2024-03-11T00:00:01.000Z',
    });
    assert.deepEqual([again.rows, again.loaded], [2, [batchId(1)]]);
    assert.equal(server.submitted().length, 1);
  });

  it('go to another dataset when the tenant is given one, and know nothing of the one before', async () => {
    await load();
    served().config = { dataset: 'other', location: 'US' };
    assert.deepEqual((await fixture.load('w2', [batch()])).loaded, [batchId(1)]);
    const [, second] = server.asked.filter(isInsert);
    assert.match(JSON.stringify(second?.body), /"datasetId":"other".*|"location":"US"/);
    assert.equal(new Set(server.submitted()).size, 2);
  });

  it('go on when the load is called off, and are found by the next attempt', async () => {
    server.outcome = () => ({ status: { state: 'RUNNING' } });
    const aborted = new AbortController();
    const loading = fixture.load('w1', [batch()], { signal: aborted.signal });
    const settled = assert.rejects(loading, /out of time/);
    await until(() => assert.equal(server.submitted().length, 1), 10_000);
    aborted.abort(new Error('out of time'));
    await settled;
    for (const job of server.jobs.values()) job.status = { state: 'DONE' };
    assert.equal((await load()).rows, 2);
    assert.equal(server.submitted().length, 1);
  });
});
