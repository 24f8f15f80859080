import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { gcsError } from '../../../src/stores/gcs/gcs-errors.js';
import { createGcsBatchStore, type RemoteBatchStore } from '../../../src/stores/batch-store/gcs.js';
import { useTempDir } from '../../support/temp-dir.js';
import { NAME, NDJSON } from '../batch-store/conformance.js';

describe('errors of the Google Cloud Storage batch store', () => {
  const dir = useTempDir();
  let server: Server;
  let status: number;
  let requests: number;

  beforeEach(async () => {
    requests = 0;
    server = createServer((request, response) => {
      requests++;
      const body = { error: { code: status, message: 'as told', errors: [{ reason: 'as told' }] } };
      request.resume().on('end', () => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const open = (): RemoteBatchStore => {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return createGcsBatchStore({ bucket: 'headgate', prefix: '', endpoint, downloads: dir() });
  };

  for (const refusal of [401, 403]) {
    it(`say which role is missing when the bucket answers ${refusal}, and do not ask again at once`, async () => {
      status = refusal;
      const expected = {
        code: 'BATCH_STORE_REFUSED',
        retryable: true,
        message: new RegExp(`gs://headgate refuses.*${refusal}.*roles/storage.objectUser`),
      };
      await assert.rejects(open().write(NAME, gzipSync(NDJSON), 2), expected);
      await assert.rejects(open().read({ ...NAME, events: 1, bytes: 1, sha256: '' }), expected);
      await assert.rejects(open().check(), expected);
      assert.equal(requests, 3);
    });
  }

  it('pass without help when the bucket is out of order: the client has tried again, and the caller may', async () => {
    status = 503;
    const expected = { code: 'BATCH_STORE_UNAVAILABLE', retryable: true, message: /HTTP 503/ };
    await assert.rejects(open().write(NAME, gzipSync(NDJSON), 2), expected);
    assert.ok(requests > 1, `${requests} requests`);
  });

  it('pass without help when nothing answers', async () => {
    const store = open();
    server.close();
    const expected = { code: 'BATCH_STORE_UNAVAILABLE', retryable: true, message: /ECONNREFUSED/ };
    await assert.rejects(store.write(NAME, gzipSync(NDJSON), 2), expected);
  });

  it('tell a limit of rates from a refusal, and ask for credentials when there are none', () => {
    const limited = { code: 403, errors: [{ reason: 'rateLimitExceeded' }] };
    assert.equal(gcsError(limited, 'gs://b').code, 'BATCH_STORE_UNAVAILABLE');
    const none = gcsError(new Error('Could not load the default credentials. Browse to …'), 'gs://b');
    assert.equal(none.code, 'BATCH_STORE_REFUSED');
    assert.match(none.message, /GOOGLE_APPLICATION_CREDENTIALS/);
  });
}).timeout(60_000);
