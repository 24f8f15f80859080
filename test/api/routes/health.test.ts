import assert from 'node:assert/strict';
import { startTestApi, type TestApi } from '../../support/api.js';

describe('/readyz', () => {
  let api: TestApi | undefined;

  afterEach(() => api?.close());

  async function ask(options: Parameters<typeof startTestApi>[0]): Promise<[number, unknown]> {
    api = await startTestApi(options);
    const { status, body } = await api.get('/readyz', null);
    return [status, body];
  }

  const away = () => Promise.reject(new Error(''));

  it('is 200 and degraded, with the check that fails named, while Temporal is away: events are taken', async () => {
    const [status, body] = await ask({ readiness: [{ name: 'temporal', check: away, degrades: true }] });
    assert.equal(status, 200);
    const { checks, ...rest } = body as { checks: { name: string; ok: boolean; reason?: string }[] };
    assert.deepEqual(rest, { status: 'degraded' });
    assert.deepEqual(
      checks.find(({ name }) => name === 'temporal'),
      { name: 'temporal', ok: false, reason: 'Error' },
    );
  });

  it('is 503 while the disk is full: no event is taken', async () => {
    const [status, body] = await ask({ freeDiskBytes: () => 1, admission: { minFreeDiskBytes: 2 } });
    assert.equal(status, 503);
    assert.match(JSON.stringify(body), /"not ready".*nearly full/);
  });
});
