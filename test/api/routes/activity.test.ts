import assert from 'node:assert/strict';
import { useTestApi } from '../../support/api.js';
import { until } from '../../support/until.js';

const STREAM = '/v1/activity/stream';
const MOST = 20;

describe('/v1/activity', () => {
  const api = useTestApi();
  const tokenOf = (tenant: string) => api().token({ tenant, scope: 'status:read' });

  async function follow(tenant: string, seconds: number, signal?: AbortSignal): Promise<Response> {
    const headers = { authorization: `Bearer ${await tokenOf(tenant)}` };
    return fetch(`${api().url}${STREAM}?seconds=${seconds}`, { headers, signal });
  }

  it('shows a tenant itself, and an operator what it reaches, without subscriptions of theirs', async () => {
    const { body } = await api().get('/v1/activity', await tokenOf('UA'));
    assert.deepEqual(Object.keys(body).sort(), [
      'at',
      'everySeconds',
      'lookedAt',
      'samples',
      'subscriptions',
    ]);
    const operator = await api().token({
      tenant: undefined,
      role: 'operator',
      tenants: ['DL'],
      scope: 'admin',
    });
    const all = (await api().get('/v1/activity', operator)).body as unknown as {
      tenants: { tenant: string }[];
    };
    assert.deepEqual(
      all.tenants.map(({ tenant }) => tenant),
      ['DL'],
    );
  });

  it('sends server-sent events, the first at once', async () => {
    const response = await follow('UA', 0);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const [, data = ''] = /^event: activity\ndata: (.*)\n\n$/.exec(await response.text()) ?? [];
    assert.equal((JSON.parse(data) as { everySeconds: number }).everySeconds, 5);
  });

  it('takes no place of a tenant for an operator that looks at it, or is called as it is', async () => {
    const stop = new AbortController();
    const token = await api().token({ tenant: undefined, role: 'operator', subject: 'UA', scope: 'admin' });
    const look = (more: Record<string, string>) =>
      fetch(`${api().url}${STREAM}?seconds=3600`, {
        headers: { authorization: `Bearer ${token}`, ...more },
        signal: stop.signal,
      });
    const half = Array.from({ length: MOST / 2 }, () => look({}));
    const other = Array.from({ length: MOST / 2 }, () => look({ 'headgate-tenant': 'UA' }));
    for (const { status } of await Promise.all([...half, ...other])) assert.equal(status, 200);
    assert.equal((await look({})).status, 429);
    assert.equal((await follow('UA', 0)).status, 200);
    stop.abort();
  });

  it('takes some streams of a tenant, and gives a place back when one has ended', async () => {
    const stop = new AbortController();
    const open = await Promise.all(Array.from({ length: MOST }, () => follow('UA', 3_600, stop.signal)));
    assert.ok(open.every(({ status }) => status === 200));
    const refused = await follow('UA', 3_600);
    assert.equal(refused.status, 429);
    assert.equal(((await refused.json()) as { code: string }).code, 'TENANT_IN_FLIGHT_FULL');
    assert.equal((await follow('DL', 0)).status, 200);
    stop.abort();
    await until(async () => {
      const again = await follow('UA', 0);
      assert.equal(again.status, 200, await again.text());
    }, 5_000);
  });
});
