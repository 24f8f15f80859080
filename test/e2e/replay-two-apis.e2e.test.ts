import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openApi } from '../../src/commands/call-api.js';
import { createReplayClient, type ReplayView } from '../../src/commands/replay-client.js';
import { skipWithoutFakeGcs, startFakeGcs, type FakeGcs } from '../support/fake-gcs.js';
import { killAll, ownEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { tokenFor } from '../support/producer.js';
import { until } from '../support/until.js';

const TENANT = 'shop';
const EVENTS = 50;
const SOON_MS = 60_000;

describe('a replay that is asked of one API, of events that another on the namespace has acknowledged', function () {
  this.timeout(180_000);
  let gcs: FakeGcs | undefined;
  let owner: string;
  let other: string;
  let asked: string;
  let api: HeadgateProcess;
  let env: Record<string, string>;
  let sent = 0;

  before(async function () {
    skipWithoutFakeGcs(this);
    gcs = await startFakeGcs('headgate-batches');
    owner = await mkdtemp(join(tmpdir(), 'headgate-owner-'));
    other = await mkdtemp(join(tmpdir(), 'headgate-other-'));
    const config = {
      tenant: TENANT,
      batch: { linger: '4s' },
      rules: [{ name: 'large', on: ['order.made'], when: 'event.data.amount >= 20' }],
    };
    for (const dir of [owner, other]) {
      await mkdir(join(dir, 'tenants'));
      await writeFile(join(dir, 'tenants', `${TENANT}.yaml`), JSON.stringify(config));
    }
    const batches = { HEADGATE_BATCHES: 'gs://headgate-batches', HEADGATE_GCS_ENDPOINT: gcs.endpoint };
    const own = { ...(await ownEnvironment(owner)), ...batches };
    const { url, temporal } = await spawnHeadgate(['start'], own).ready();
    asked = url;
    env = { ...own, HEADGATE_DATA_DIR: other, TEMPORAL_ADDRESS: temporal };
    api = spawnHeadgate(['api'], env);
  });
  after(async () => {
    await killAll();
    await gcs?.stop();
    for (const dir of [owner, other]) if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  async function post(): Promise<void> {
    const { url } = await api.ready();
    const events = Array.from({ length: EVENTS }, () => ({
      specversion: '1.0',
      id: `e-${++sent}`,
      source: 'test',
      type: 'order.made',
      subject: `s-${sent}`,
      data: { amount: sent },
    }));
    const authorization = `Bearer ${await tokenFor(other, TENANT, 'events:write')}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(events) });
    assert.equal(answer.status, 202, await answer.text());
  }

  const client = () =>
    createReplayClient(openApi(asked, () => tokenFor(owner, TENANT, 'replays:read replays:write')));
  const start = async (): Promise<string> => (await client().start({ rules: 'current', dryRun: true })).id;
  const ended = (id: string): Promise<ReplayView> =>
    until(async () => {
      const view = await client().show(id);
      assert.equal(view.status, 'completed', JSON.stringify(view));
      return view;
    }, SOON_MS);

  async function hasAll(id: string): Promise<void> {
    const { report } = await ended(id);
    assert.deepEqual([report?.events, report?.notes], [sent, []]);
  }

  it('has them', async () => {
    await post();
    await hasAll(await start());
  });

  it('waits for an API that was killed, says so, and has them when it is back', async () => {
    await post();
    await api.signal('SIGKILL');
    const id = await start();
    await until(async () => {
      const { progress } = await client().show(id);
      assert.deepEqual(
        progress?.waitsFor?.map(({ code }) => code),
        ['spool-away'],
      );
    }, SOON_MS);
    api = spawnHeadgate(['api'], env);
    await hasAll(id);
  });

  it('does not wait for an API that has ended with all of it in batches', async () => {
    await api.signal('SIGTERM');
    // Temporal's visibility is behind.
    await delay(2_000);
    const began = Date.now();
    await hasAll(await start());
    assert.ok(Date.now() - began < 10_000);
  });
});
