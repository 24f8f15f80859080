import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../../bench/system/free-port.js';
import { OAuth2Client } from 'google-auth-library';
import type { HeadgateError } from '../../../../src/errors.js';
import { appendRows } from '../../../../src/stores/warehouse/bigquery/append.js';
import { createApis } from '../../../../src/stores/warehouse/bigquery/client.js';
import { restEndpoint } from '../../../../src/stores/warehouse/bigquery/endpoints.js';
import { streamError } from '../../../../src/stores/warehouse/bigquery/stream-errors.js';
import {
  createWriteClients,
  type WriteClient,
  type WriteClients,
} from '../../../../src/stores/warehouse/bigquery/write-client.js';
import { WriteStreams } from '../../../../src/stores/warehouse/bigquery/write-streams.js';
import { bigQueryConfig } from '../../../support/warehouses.js';
import {
  startWriteServer,
  type AppendAnswer,
  type WriteServer,
  type WriteServerOptions,
} from '../../../support/write-server.js';

const TABLE = 'projects/p/datasets/d/tables/events';
const STREAM = `${TABLE}/streams/s`;
const config = bigQueryConfig('d', 'UA', { impersonate: 'loader@p.iam.gserviceaccount.com' });

describe('errors of the Storage Write API', function () {
  this.timeout(20_000);
  let server: WriteServer | undefined;
  let clients: WriteClients;
  let dir: string;

  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'headgate-append-'))));
  afterEach(async () => {
    await clients?.close();
    server?.stop();
    rmSync(dir, { recursive: true });
  });

  const clientOf = async (storageEndpoint?: string): Promise<WriteClient> => {
    const endpoint = 'http://127.0.0.1:1';
    clients = createWriteClients({ endpoint, storageEndpoint });
    return clients.of(config, await createApis(endpoint)(config).credentials());
  };
  const start = async (options: WriteServerOptions): Promise<WriteClient> => {
    server = await startWriteServer(options);
    return clientOf(server.address);
  };
  /** Appends rows of 100 kB, 52 to a request. */
  const append = (client: WriteClient, rows: number, signal?: AbortSignal): Promise<void> => {
    const path = join(dir, 'rows.ndjson');
    const line = (n: number) => `${JSON.stringify({ id: `${n}`, data: 'x'.repeat(100_000) })}\n`;
    writeFileSync(path, Array.from({ length: rows }, (_, n) => line(n)).join(''));
    const fields = ['id', 'data'].map((name) => ({ name, type: 'STRING' as const }));
    return appendRows({ client, stream: STREAM, fields, path, signal });
  };

  for (const [name, refuse, code, message] of [
    [
      'PERMISSION_DENIED',
      7,
      'WAREHOUSE_REFUSED',
      /grant loader@p\.iam\.gserviceaccount\.com roles\/bigquery/,
    ],
    ['UNAUTHENTICATED', 16, 'WAREHOUSE_REFUSED', /credentials are not taken: correct them/],
    ['NOT_FOUND', 5, 'WAREHOUSE_REFUSED', /dataset or table is not there: create it/],
    ['RESOURCE_EXHAUSTED', 8, 'WAREHOUSE_QUOTA', /too much at once/],
    ['INVALID_ARGUMENT', 3, 'WAREHOUSE_FAILED', /does not take the rows/],
    ['UNAVAILABLE', 14, 'WAREHOUSE_UNAVAILABLE', /does not work as it should/],
    ['DEADLINE_EXCEEDED', 4, 'WAREHOUSE_UNAVAILABLE', /does not work as it should/],
    ['INTERNAL', 13, 'WAREHOUSE_UNAVAILABLE', /does not work as it should/],
    ['ABORTED', 10, 'WAREHOUSE_UNAVAILABLE', /does not work as it should/],
    ['FAILED_PRECONDITION', 9, 'WAREHOUSE_UNAVAILABLE', /not as this attempt has left it/],
  ] as const)
    it(`${name} is ${code}, and is not tried again here`, async () => {
      const client = await start({ refuse: { code: refuse, details: 'said by the server' } });
      const streams = new WriteStreams(client, config, TABLE);
      await assert.rejects(streams.create(), (error: HeadgateError) => {
        assert.deepEqual([error.code, error.retryable], [code, true]);
        assert.match(error.message, message);
        assert.match(error.message, /said by the server/);
        if (code === 'WAREHOUSE_QUOTA') assert.equal(error.retryAfterSeconds, 30);
        return true;
      });
      assert.equal(server?.calls, 1);
    });

  it('where nothing answers pass without help', async () => {
    const client = await clientOf(`127.0.0.1:${await freePort()}`);
    const streams = new WriteStreams(client, config, TABLE);
    await assert.rejects(streams.create(), { code: 'WAREHOUSE_UNAVAILABLE', retryable: true });
  });

  it('do not come from Google where BigQuery is an emulator', async () => {
    await assert.rejects(clientOf(), {
      code: 'WAREHOUSE_REFUSED',
      message: /set HEADGATE_BIGQUERY_STORAGE_ENDPOINT/,
    });
  });

  it('do not come from elsewhere than the region of the dataset, where that is configured', async () => {
    clients = createWriteClients({});
    const auth = new OAuth2Client();
    for (const [endpoint, host] of [
      ['global', 'bigquerystorage.googleapis.com'],
      ['regional', 'bigquerystorage.europe-west3.rep.googleapis.com'],
    ] as const) {
      const there = bigQueryConfig('d', 'UA', { location: 'europe-west3', endpoint });
      // What the client says of itself is its default; this is what it connects to.
      const { _opts } = (await clients.of(there, auth)).calls as unknown as {
        _opts: { servicePath: string };
      };
      assert.equal(_opts.servicePath, host);
      assert.equal(restEndpoint(there), `https://${host.replace('storage', '')}`);
    }
  });

  it('tell a stream that is gone from one that cannot be ended', async () => {
    const gone = new WriteStreams(await start({ refuse: { code: 5, details: '' } }), config, TABLE);
    assert.deepEqual([await gone.stateOf(STREAM), await gone.finalize(STREAM)], ['gone', 'gone']);
    await clients.close();
    server?.stop();
    const refused = new WriteStreams(await start({ refuse: { code: 9, details: '' } }), config, TABLE);
    assert.equal(await refused.finalize(STREAM), 'refused');
  });

  for (const [what, commit, certain] of [
    ['with a time is done', { commitTime: { seconds: 1_710_072_000 } }, true],
    // As Google's documentation has it: "if this field is not set, it means the commit was not successful".
    ['without a time and without an error is not said to be done', {}, false],
    ['of a stream that is committed already is done', { streamErrors: [{ code: 2 }] }, true],
    ['of a stream that is gone is not said to be done', { streamErrors: [{ code: 3 }] }, false],
  ] as const)
    it(`are looked for in the answer to a commit: one ${what}`, async () => {
      const client = await start({ commit: commit as object });
      assert.equal(await new WriteStreams(client, config, TABLE).commit(STREAM), certain);
    });

  for (const [error, code, message] of [
    [1, 'WAREHOUSE_UNAVAILABLE', /not committed: TABLE_NOT_FOUND as told/],
    [14, 'WAREHOUSE_REFUSED', /cryptoKeyEncrypterDecrypter.*not committed: KMS_PERMISSION_DENIED as told/],
  ] as const)
    it(`of a commit that has failed are thrown: ${code}`, async () => {
      const streamErrors = [{ code: error, errorMessage: 'as told' }];
      const streams = new WriteStreams(await start({ commit: { streamErrors } }), config, TABLE);
      await assert.rejects(streams.commit(STREAM), { code, message });
    });

  it('of an append name the rows that are not taken', async () => {
    const answer = {
      error: { code: 3, message: 'Errors found' },
      rowErrors: [{ index: 7, message: 'data: too long' }],
    };
    const client = await start({ append: (n) => (n === 1 ? answer : {}) });
    await assert.rejects(append(client, 110), (error: Error) => {
      const sorted = streamError(error, config);
      assert.equal(sorted.code, 'WAREHOUSE_FAILED');
      assert.match(sorted.message, /Errors found; row 59: data: too long/);
      return true;
    });
  });

  it('about a column that is new pass without help', async () => {
    const message = "Input schema has more fields than BigQuery schema, extra fields: 'gate'";
    const client = await start({ append: () => ({ error: { code: 3, message } }) });
    await assert.rejects(append(client, 1), (error: Error) => {
      return streamError(error, config).code === 'WAREHOUSE_UNAVAILABLE';
    });
  });

  it('that say a request was appended before are none', async () => {
    const exists = { error: { code: 6, message: 'The offset is within stream' } };
    const client = await start({ append: (n) => (n === 0 ? exists : {}) });
    await append(client, 110);
    assert.deepEqual(server?.offsets, [0, 52, 104]);
  });

  it('that end the connection, and not the request, are followed by what was not answered', async () => {
    const client = await start({
      append: (n): AppendAnswer => (n === 1 ? { end: { code: 14, details: 'moved' } } : {}),
    });
    await append(client, 110);
    const { offsets } = server as WriteServer;
    assert.equal(offsets[0], 0);
    assert.ok(offsets.filter((offset) => offset === 0).length <= 2);
    assert.deepEqual(
      [...new Set(offsets)].sort((a, b) => a - b),
      [0, 52, 104],
    );
    assert.deepEqual(offsets.slice(-2), [52, 104]);
  });

  it('that end the connection again and again are thrown', async () => {
    const client = await start({ append: () => ({ end: { code: 14, details: 'moved' } }) });
    await assert.rejects(append(client, 1), { code: 14 });
    assert.deepEqual(server?.offsets, [0, 0, 0, 0]);
  });

  it('that end the connection for a reason that lasts are thrown at once', async () => {
    const client = await start({ append: () => ({ end: { code: 7, details: 'no' } }) });
    await assert.rejects(append(client, 1), (error: Error) => {
      return streamError(error, config).code === 'WAREHOUSE_REFUSED';
    });
    assert.deepEqual(server?.offsets, [0]);
  });

  it('come to few requests at a time', async () => {
    const client = await start({});
    await append(client, 400);
    assert.equal(server?.offsets.length, 8);
    assert.ok((server?.mostWaiting ?? 0) <= 3, `${server?.mostWaiting} at once`);
  });
});
