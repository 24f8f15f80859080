import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApi } from '../../src/commands/call-api.js';
import { createReplayClient, type ReplayClient } from '../../src/commands/replay-client.js';
import { signToken } from '../../src/keys/key-set.js';
import { FLIGHTS, readWeek } from '../support/flights.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { decisionsInFiles, rowsInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

const TENANT = 'MQ';
/** Slow enough to be killed in the middle. */
const EVENTS_PER_SECOND = 100;

describe('a node that is killed during a replay', function () {
  this.timeout(180_000);
  let dir: string;
  let env: Record<string, string>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-replay-kill-'));
    env = await nodeEnvironment(dir);
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  const file = (minutes: number): string =>
    readFileSync(join(FLIGHTS, 'tenants', `${TENANT}.yaml`), 'utf8').replace('>= 180', `>= ${minutes}`);

  function clientOf(url: string): ReplayClient {
    const issued = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };
    const claims = { tenant: TENANT, scope: 'replays:read replays:write', ...issued };
    return createReplayClient(openApi(url, () => signToken(dir, claims)));
  }

  it('goes on after a restart: every decision is recorded once', async () => {
    const tenants = join(dir, 'given');
    mkdirSync(tenants);
    writeFileSync(join(tenants, `${TENANT}.yaml`), file(120));
    writeFileSync(join(dir, 'tried.yaml'), file(60));
    const killed = spawnHeadgate(['start', '--tenants', tenants], env);
    const { url } = await killed.ready();
    const flights = join(FLIGHTS, 'flights.ndjson.gz');
    const to = ['--tenant', TENANT, '--url', url];
    const sent = await runHeadgate(['send', flights, ...to, '--stream', 'events'], env);
    assert.equal(sent.code, 0, sent.stderr);
    const arrived = (readWeek('events').get(TENANT) ?? []).filter(({ type }) =>
      ['flight.arrived', 'flight.cancelled'].includes(type),
    );
    const warehouse = join(dir, 'warehouse');
    const live = await until(async () => {
      const decisions = await decisionsInFiles(warehouse, TENANT);
      assert.ok(
        [...decisions.keys()].filter((key) => key.endsWith(' compensation')).length === arrived.length,
      );
      return decisions.size;
    }, 60_000);

    const tried = [
      '--rules',
      join(dir, 'tried.yaml'),
      '--rate',
      String(EVENTS_PER_SECOND),
      '--no-wait',
      '--json',
    ];
    const started = await runHeadgate(['replay', ...to, ...tried], env);
    const { id } = JSON.parse(started.stdout) as { id: string };
    await until(async () => {
      const { progress } = await clientOf(url).show(id);
      assert.ok((progress?.events ?? 0) > 0, 'it is in the middle');
    }, 60_000);
    await killed.signal('SIGKILL');

    const again = await spawnHeadgate(['start'], env).ready();
    const report = await until(async () => {
      const view = await clientOf(again.url).show(id);
      assert.equal(view.status, 'completed');
      return view.report;
    }, 120_000);
    assert.equal(report?.rules?.find(({ rule }) => rule === 'compensation')?.evaluated, arrived.length);
    const ids = await until(async () => {
      const rows = await rowsInFiles(warehouse, TENANT, 'decisions', 'id');
      assert.equal(rows.length, live + arrived.length);
      return rows.map(([row]) => String(row));
    }, 30_000);
    assert.equal(new Set(ids).size, ids.length);
  });
});
