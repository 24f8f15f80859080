import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeadLetters } from '../../src/dead-letters/dead-letters.js';
import { HeadgateError } from '../../src/errors.js';
import { openRevocations, type Revocations } from '../../src/keys/revocations.js';
import { createMetrics } from '../../src/observability/create-metrics.js';
import type { Metrics } from '../../src/observability/metrics.js';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { openSlowRequest } from '../support/slow-request.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const SOON_MS = 5_000;
const REVOKE_UA = { notBefore: { UA: '2999-01-01T00:00:00Z' } };

describe('a request whose token is revoked while it is under way', () => {
  const dir = useTempDir();
  let revocations: Revocations;
  let api: TestApi;
  let metrics: Metrics;
  /** Ends of exports, by tenant. */
  let ended: string[];
  let releaseReceipt: () => void;
  let receiptAsked: boolean;

  const unknown = () => Promise.reject(new HeadgateError('NOT_FOUND', 'There is none of this id.'));

  async function* endless(tenant: string): AsyncGenerator<string, void, undefined> {
    try {
      for (let n = 0; ; n++) {
        yield `{"n":${n}}\n`;
        await sleep(5);
      }
    } finally {
      ended.push(tenant);
    }
  }

  const deadLetters: DeadLetters = {
    list: unknown,
    show: unknown,
    resolve: unknown,
    export: endless,
    redrives: { start: unknown, show: unknown, cancel: unknown },
  };

  beforeEach(async () => {
    ended = [];
    receiptAsked = false;
    const receipt = new Promise<void>((resolve) => (releaseReceipt = resolve));
    metrics = createMetrics();
    await writeFile(join(dir(), 'revoked.json'), '{}');
    revocations = await openRevocations(join(dir(), 'revoked.json'), { everyMs: 20 });
    api = await startTestApi({
      revocations,
      deadLetters,
      metrics,
      receipts: {
        receiptOf: async () => {
          receiptAsked = true;
          await receipt;
          return unknown();
        },
      },
    });
  });
  afterEach(async () => {
    await api.close();
    revocations.close();
    assert.deepEqual(api.faults, []);
  });

  async function revoke(): Promise<void> {
    await writeFile(join(dir(), 'revoked.json'), JSON.stringify(REVOKE_UA));
    await until(async () => assert.equal((await api.get('/v1/eligibility/s')).status, 401), SOON_MS);
  }

  async function openExport(tenant: string) {
    const headers = { authorization: `Bearer ${await api.token({ tenant })}` };
    const response = await fetch(`${api.url}/v1/dead-letters/export`, { headers });
    assert.equal(response.status, 200);
    return response.body!.getReader();
  }

  it('has its export cut, visibly, and read no further; another tenant’s goes on', async () => {
    const [ua, dl] = [await openExport('UA'), await openExport('DL')];
    await ua.read();
    await revoke();
    await assert.rejects(async () => {
      const deadline = performance.now() + SOON_MS;
      while (performance.now() < deadline) if ((await ua.read()).done) return;
    }, /terminated/);
    await until(() => assert.deepEqual(ended, ['UA']), SOON_MS);
    for (let n = 0; n < 20; n++) assert.equal((await dl.read()).done, false);
    await dl.cancel();
    assert.match((await metrics.scrape()).text, /headgate_refused_tokens_total\{code="TOKEN_REVOKED"\} \d/);
  });

  it('is not told what it has asked for', async () => {
    const asking = api.get('/v1/batches/20240310-0123abcd-000000001');
    await until(() => assert.ok(receiptAsked), SOON_MS);
    await revoke();
    releaseReceipt();
    const { status, body } = await asking;
    assert.deepEqual([status, body.code], [401, 'TOKEN_REVOKED']);
  });

  it('has nothing taken in of a body that ends after it', async () => {
    const body = JSON.stringify([cloudEvent('late')]);
    const slow = await openSlowRequest(`${api.url}/v1/events`, await api.token(), body);
    const other = await openSlowRequest(`${api.url}/v1/events`, await api.token({ tenant: 'DL' }), body);
    await revoke();
    assert.deepEqual([await slow.finish(), await other.finish()], [401, 202]);
    await api.drained();
    assert.deepEqual([api.events('UA').length, api.events('DL').length], [0, 1]);
  });
});
