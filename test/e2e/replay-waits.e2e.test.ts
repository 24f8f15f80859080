import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../bench/system/free-port.js';
import type { ReplayView } from '../../src/commands/replay-client.js';
import { startDevServer, type DevServer } from '../../src/temporal/dev-server/dev-server.js';
import type { DevServerOptions } from '../../src/temporal/dev-server/dev-server-arguments.js';
import { SEARCH_ATTRIBUTES } from '../../src/tenants/search-attributes.js';
import { killAll, ownEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { tokenFor } from '../support/producer.js';
import { temporalBinary } from '../support/temporal.js';
import { until } from '../support/until.js';

const REQUESTS = 20;
const EVENTS = 50;
const SOON_MS = 60_000;

describe('a replay that is asked for while acknowledged events are not in batches yet', function () {
  this.timeout(180_000);
  let dir: string;
  let server: DevServer | undefined;
  let serverOptions: DevServerOptions;
  let env: Record<string, string>;
  let api: HeadgateProcess;
  let url: string;
  let sent = 0;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-replay-waits-'));
    serverOptions = {
      binary: await temporalBinary(),
      dbFile: join(dir, 'temporal.db'),
      logFile: join(dir, 'temporal.log'),
      port: await freePort(),
      uiPort: await freePort(),
      namespace: 'default',
      searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword'])),
    };
    server = await startDevServer(serverOptions);
    env = { ...(await ownEnvironment(dir)), TEMPORAL_ADDRESS: server.address };
    await mkdir(join(dir, 'tenants'));
    for (const [tenant, linger] of [
      ['slow', '4s'],
      ['quick', '20ms'],
    ] as const)
      // prettier-ignore
      await writeFile(join(dir, 'tenants', `${tenant}.yaml`), fileOf(tenant, linger));
    api = spawnHeadgate(['api'], env);
    ({ url } = await api.ready());
    await spawnHeadgate(['worker'], env).ready();
  });
  after(async () => {
    await killAll();
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const fileOf = (tenant: string, linger: string): string =>
    JSON.stringify({
      tenant,
      batch: { linger },
      rules: [{ name: 'owed', on: ['flight.arrived'], when: 'event.data.minutes >= 180' }],
    });

  async function ask(tenant: string, path: string, body?: object): Promise<Response> {
    const scope = 'events:write user-properties:write replays:read replays:write';
    const authorization = `Bearer ${await tokenFor(dir, tenant, scope)}`;
    const headers = { authorization, 'content-type': 'application/json' };
    return fetch(`${url}/v1/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      body: body && JSON.stringify(body),
    });
  }

  /** Sends `REQUESTS` × `EVENTS` events; all of them have been acknowledged when it ends. */
  async function post(tenant: string): Promise<void> {
    for (let request = 0; request < REQUESTS; request++) {
      const events = Array.from({ length: EVENTS }, () => ({
        specversion: '1.0',
        id: `e${++sent}`,
        source: '/airports/EWR',
        type: 'flight.arrived',
        subject: `s${sent % 7}`,
        data: { minutes: sent },
      }));
      const answer = await ask(tenant, 'events', events);
      assert.equal(answer.status, 202, await answer.text());
    }
  }

  async function start(tenant: string, request: object): Promise<ReplayView> {
    const answer = await ask(tenant, 'replays', request);
    assert.equal(answer.status, 202, await answer.clone().text());
    return (await answer.json()) as ReplayView;
  }

  const show = async (tenant: string, id: string): Promise<ReplayView> =>
    (await ask(tenant, `replays/${id}`)).json() as Promise<ReplayView>;

  const ended = (tenant: string, id: string): Promise<ReplayView> =>
    until(async () => {
      const view = await show(tenant, id);
      assert.equal(view.status, 'completed', JSON.stringify(view));
      return view;
    }, SOON_MS);

  it('has all of them, and says meanwhile what it waits for; API and worker are apart', async () => {
    await post('slow');
    const { id } = await start('slow', { rules: 'current', dryRun: true });
    const waiting = await until(async () => {
      const { progress } = await show('slow', id);
      assert.equal(progress?.waitsFor?.[0]?.code, 'events-in-spool', JSON.stringify(progress));
      return progress;
    }, SOON_MS);
    assert.equal(waiting.phase, 'batching');
    assert.ok((waiting.waitsFor?.[0]?.events ?? 0) > 0);
    const { report } = await ended('slow', id);
    assert.deepEqual([report?.events, report?.notes], [REQUESTS * EVENTS, []]);
  });

  it('does not wait for what came after its range', async () => {
    const to = new Date(Date.now() - 3_600_000).toISOString();
    await post('slow');
    const asked = Date.now();
    const { id } = await start('slow', { rules: 'current', dryRun: true, to });
    const { report } = await ended('slow', id);
    assert.equal(report?.events, 0);
    assert.ok(Date.now() - asked < 3_000, `${Date.now() - asked} ms`);
  });

  it('has all of them after Temporal was away, and the API was killed meanwhile', async () => {
    await server?.stop();
    await post('quick');
    await delay(4_000);
    server = await startDevServer(serverOptions);
    const { id } = await until(() => start('quick', { rules: 'current', dryRun: true }), SOON_MS);
    const { report } = await ended('quick', id);
    assert.deepEqual([report?.events, report?.notes], [REQUESTS * EVENTS, []]);
    await post('slow');
    const before = await start('slow', { rules: 'current', dryRun: true });
    await api.signal('SIGKILL');
    api = spawnHeadgate(['api'], env);
    ({ url } = await api.ready());
    const again = await ended('slow', before.id);
    assert.deepEqual([again.report?.events, again.report?.notes], [3 * REQUESTS * EVENTS, []]);
  });
});
