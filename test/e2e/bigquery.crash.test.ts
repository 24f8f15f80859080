import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { countIds, PROJECT, skipWithoutBigQuery, startBigQuery, type Emulator } from '../support/bigquery.js';
import {
  killAll,
  nodeEnvironment,
  runHeadgate,
  spawnHeadgate,
  type HeadgateProcess,
} from '../support/headgate.js';
import { countInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

/** The shortest window of BigQuery's, and a Worker's death that is noticed by a heartbeat that does not come. */
const LOADED_WITHIN_MS = 150_000;
/** A process that is killed leaves the file that it was loading; such files go a day later. */
const KILLS = 2;
const DATASET = 'headgate_shop';

const idsOf = (prefix: string): string[] => Array.from({ length: 30 }, (_, index) => `${prefix}-${index}`);

describe('a Headgate with a tenant in BigQuery', function () {
  this.timeout(400_000);
  let emulator: Emulator | undefined;
  let dir: string;
  let env: Record<string, string>;

  before(async function () {
    skipWithoutBigQuery(this);
    emulator = await startBigQuery();
    dir = await mkdtemp(join(tmpdir(), 'headgate-bigquery-'));
    env = { ...(await nodeEnvironment(dir)), HEADGATE_BIGQUERY_ENDPOINT: emulator.endpoint };
    await mkdir(join(dir, 'given'));
    const rules = [{ name: 'large', on: ['order.made'], when: 'event.data.amount >= 20' }];
    const bigQuery = { kind: 'bigquery', project: PROJECT, location: 'EU', window: '1m' };
    await write('shop', { warehouse: bigQuery, rules });
    await write('cafe', { warehouse: { window: '1s' }, rules });
  });
  after(async () => {
    await killAll();
    await emulator?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  const write = (tenant: string, config: object) =>
    writeFile(join(dir, 'given', `${tenant}.yaml`), JSON.stringify({ tenant, ...config }));

  const start = async (more: Record<string, string> = {}): Promise<[HeadgateProcess, string]> => {
    const node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], { ...env, ...more });
    return [node, (await node.ready()).url];
  };

  async function post(url: string, tenant: string, prefix: string, stream = 'events'): Promise<void> {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(dir, { tenant, scope: 'admin', ...claims });
    const events = idsOf(prefix).map((id, amount) => {
      return { specversion: '1.0', id, source: 'test', type: 'order.made', subject: 's', data: { amount } };
    });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/${stream}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(events),
    });
    assert.equal(answer.status, 202, await answer.text());
  }

  const once = (...prefixes: string[]) => new Map(prefixes.flatMap(idsOf).map((id) => [id, 1]));
  const counts = (table?: Parameters<typeof countIds>[2]) => countIds(emulator as Emulator, DATASET, table);

  it('has every event once in BigQuery, though it is killed in the middle of its loads', async () => {
    const [first, url] = await start({ HEADGATE_FAULT: 'bigquery-submit.after' });
    await post(url, 'shop', 'first');
    await post(url, 'shop', 'profile', 'user-properties');
    await post(url, 'cafe', 'coffee');
    assert.equal((await first.finished).signal, 'SIGKILL', first.stderr);

    const [second, again] = await start({ HEADGATE_FAULT: 'bigquery-claim.after' });
    await post(again, 'shop', 'second');
    assert.equal((await second.finished).signal, 'SIGKILL', second.stderr);

    await start();
    await until(async () => {
      assert.deepEqual(await counts(), once('first', 'second'));
      assert.deepEqual(await counts('user_properties'), once('profile'));
      assert.equal((await counts('decisions')).size, 2 * idsOf('').length);
    }, LOADED_WITHIN_MS);
    assert.ok([...(await counts('decisions')).values()].every((count) => count === 1));
  });

  it('loads the other tenant into Parquet, and neither into the place of the other', async () => {
    await until(async () => {
      const { events } = await countInFiles(join(dir, 'warehouse'), 'cafe');
      assert.equal(events, idsOf('').length);
    }, 60_000);
    assert.deepEqual(readdirSync(join(dir, 'warehouse')), ['cafe']);
    const { datasets } = await (emulator as Emulator).ask<{ datasets: { id: string }[] }>('datasets');
    assert.deepEqual(
      datasets.map(({ id }) => id),
      [DATASET],
    );
    const left = readdirSync(join(dir, 'staging'));
    assert.ok(left.length <= KILLS, `staged files are deleted when they are loaded: ${left.join()}`);
  });

  it('is told by the doctor that BigQuery can be used', async () => {
    const { stdout } = await runHeadgate(['doctor'], env);
    assert.match(stdout, /ok +bigquery +can be used by 1 tenant/);
  });
});
