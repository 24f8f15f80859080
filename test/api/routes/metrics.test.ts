import assert from 'node:assert/strict';
import type { HeadgateError } from '../../../src/errors.js';
import { createMetrics } from '../../../src/observability/create-metrics.js';
import { listenForScrapes } from '../../../src/roles/metrics-listener.js';
import { cloudEvent, startTestApi } from '../../support/api.js';

async function scrape(
  url: string,
  accept = '*/*',
): Promise<{ status: number; type: string | null; lines: string[] }> {
  const response = await fetch(`${url}/metrics`, { headers: { accept } });
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('headgate_'));
  return { status: response.status, type: response.headers.get('content-type'), lines };
}

describe('GET /metrics', () => {
  const events = (count: number, prefix: string): Record<string, unknown>[] =>
    Array.from({ length: count }, (_, n) => cloudEvent(`${prefix}${n}`));

  it('says without a token what has come in, what came of it, and how fast it was answered', async () => {
    const api = await startTestApi({
      metrics: createMetrics(),
      limits: { eventsPerSecond: 100, bytesPerSecond: 1e9 },
    });
    const bodies = [
      JSON.stringify(events(50, 'a')),
      JSON.stringify([...events(20, 'a'), ...events(30, 'b'), {}]),
      '{}',
      JSON.stringify(events(500, 'c')),
    ];
    const statuses: number[] = [];
    for (const body of bodies) statuses.push((await api.post(body)).status);
    assert.deepEqual(statuses, [202, 202, 422, 202]);
    for (let n = 0; n < 3; n++) assert.equal((await api.post(JSON.stringify(events(1, 'd')))).status, 429);
    const other = { token: await api.token({ tenant: 'DL' }), path: '/v1/user-properties' };
    assert.equal((await api.post(JSON.stringify(cloudEvent('a', { data: { a: 1 } })), other)).status, 202);
    assert.equal((await api.post('{', { token: other.token })).status, 400);
    assert.equal((await api.post('[', { ...other, token: 'x' })).status, 401);

    const { status, type, lines } = await scrape(api.url);
    assert.deepEqual([status, type], [200, 'text/plain; version=0.0.4; charset=utf-8']);
    const line = (start: string): string[] => lines.filter((each) => each.startsWith(start));
    assert.deepEqual(line('headgate_events_total'), [
      'headgate_events_total{tenant="UA",outcome="accepted"} 580',
      'headgate_events_total{tenant="UA",outcome="duplicate"} 20',
      'headgate_events_total{tenant="UA",outcome="rejected"} 2',
      'headgate_events_total{tenant="DL",outcome="accepted"} 1',
    ]);
    assert.deepEqual(line('headgate_refused_requests_total'), [
      'headgate_refused_requests_total{tenant="UA",code="NOTHING_ACCEPTED"} 1',
      'headgate_refused_requests_total{tenant="UA",code="TENANT_RATE_LIMITED"} 3',
      'headgate_refused_requests_total{tenant="DL",code="BODY_MALFORMED"} 1',
    ]);
    const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
    assert.deepEqual(line('headgate_received_bytes_total{tenant="UA"}'), [
      `headgate_received_bytes_total{tenant="UA"} ${bytes}`,
    ]);
    assert.deepEqual(line('headgate_ack_seconds_count'), ['headgate_ack_seconds_count 5']);
    assert.ok(
      lines.every((each) => !/thing\.happened|"a0"|"s1"/.test(each)),
      'a label names an event',
    );
    await api.close();
  });

  it('is in the format of OpenMetrics where the scraper prefers that, else in the one of always', async () => {
    const listener = await listenForScrapes({
      metrics: createMetrics(),
      readiness: [],
      host: '127.0.0.1',
      port: 0,
    });
    const plain = 'text/plain; version=0.0.4; charset=utf-8';
    const open = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
    const prometheus =
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,' +
      'text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
    const wanted = {
      '*/*': plain,
      'text/plain': plain,
      'text/html': plain,
      'text/plain;version=0.0.4, application/openmetrics-text;q=0.5': plain,
      'application/openmetrics-text': open,
      [prometheus]: open,
    };
    for (const [accept, type] of Object.entries(wanted))
      assert.equal((await scrape(listener.url, accept)).type, type, accept);
    await listener.close();
  });

  it('is not there when metrics are off', async () => {
    const api = await startTestApi();
    assert.equal((await scrape(api.url)).status, 404);
    await api.close();
  });

  it('is served by a process without an API on a port of its own, with its health', async () => {
    const metrics = createMetrics();
    let ready = true;
    const check = (): void => {
      if (!ready) throw new Error('the worker has stopped');
    };
    const options = { metrics, readiness: [{ name: 'workers', check }], host: '127.0.0.1' };
    const listener = await listenForScrapes({ ...options, port: 0 });
    metrics.loaded('UA', { seconds: 0.1, rows: 5 });
    const { lines } = await scrape(listener.url);
    assert.ok(lines.includes('headgate_loads_total{tenant="UA",outcome="loaded"} 1'));
    assert.equal((await fetch(`${listener.url}/healthz`)).status, 200);
    ready = false;
    assert.equal((await fetch(`${listener.url}/readyz`)).status, 503);
    assert.equal((await fetch(`${listener.url}/v1/events`, { method: 'POST' })).status, 404);
    const taken = Number(new URL(listener.url).port);
    await assert.rejects(listenForScrapes({ ...options, port: taken }), (error: HeadgateError) => {
      assert.equal(error.code, 'PORT_IN_USE');
      assert.match(error.message, /HEADGATE_METRICS_PORT/);
      return true;
    });
    await listener.close();
  });
});
