import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { PROJECT } from '../support/bigquery.js';
import { skipWithoutBqemulator, startBqemulator, type WriteEmulator } from '../support/bqemulator.js';
import { killAll, nodeEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { until } from '../support/until.js';

/** A Worker's death is noticed by a heartbeat that does not come. */
const LOADED_WITHIN_MS = 150_000;

const idsOf = (prefix: string): string[] => Array.from({ length: 30 }, (_, index) => `${prefix}-${index}`);

describe('a Headgate with a tenant in BigQuery by the Storage Write API', function () {
  this.timeout(400_000);
  let emulator: WriteEmulator | undefined;
  let dir: string;
  let env: Record<string, string>;

  before(async function () {
    skipWithoutBqemulator(this);
    emulator = await startBqemulator();
    dir = await mkdtemp(join(tmpdir(), 'headgate-storage-write-'));
    env = {
      ...(await nodeEnvironment(dir)),
      HEADGATE_BIGQUERY_ENDPOINT: emulator.endpoint,
      HEADGATE_BIGQUERY_STORAGE_ENDPOINT: emulator.storageEndpoint,
    };
    await mkdir(join(dir, 'given'));
    const warehouse = { kind: 'bigquery', writer: 'storage-write', project: PROJECT, location: 'US' };
    const rules = [{ name: 'large', on: ['order.made'], when: 'event.data.amount >= 20' }];
    const tenant = { tenant: 'shop', warehouse: { ...warehouse, window: '1s' }, rules };
    await writeFile(join(dir, 'given', 'shop.yaml'), JSON.stringify(tenant));
  });
  after(async () => {
    await killAll();
    await emulator?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  const start = async (more: Record<string, string> = {}): Promise<[HeadgateProcess, string]> => {
    const node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], { ...env, ...more });
    return [node, (await node.ready()).url];
  };

  async function post(url: string, prefix: string): Promise<void> {
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    const token = await signToken(dir, { tenant: 'shop', scope: 'admin', ...claims });
    const events = idsOf(prefix).map((id, amount) => {
      return { specversion: '1.0', id, source: 'test', type: 'order.made', subject: 's', data: { amount } };
    });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(events) });
    assert.equal(answer.status, 202, await answer.text());
  }

  const counts = async (table: string): Promise<Map<string, number>> => {
    const from = `\`${PROJECT}.headgate_shop.${table}\``;
    const rows = await (emulator as WriteEmulator).rows(`SELECT id, COUNT(*) FROM ${from} GROUP BY id`);
    return new Map(rows.map(([id, count]) => [String(id), Number(count)]));
  };

  it('has every event once, though it is killed in the middle of its loads', async () => {
    const [first, url] = await start({ HEADGATE_FAULT: 'bigquery-append.after' });
    await post(url, 'first');
    assert.equal((await first.finished).signal, 'SIGKILL', first.stderr);

    const [second, again] = await start({ HEADGATE_FAULT: 'bigquery-commit.after' });
    await post(again, 'second');
    assert.equal((await second.finished).signal, 'SIGKILL', second.stderr);

    const [, last] = await start();
    await post(last, 'third');
    const once = new Map(['first', 'second', 'third'].flatMap(idsOf).map((id) => [id, 1]));
    await until(async () => {
      assert.deepEqual(new Map([...(await counts('events'))].sort()), new Map([...once].sort()));
      assert.equal((await counts('decisions')).size, once.size);
    }, LOADED_WITHIN_MS);
    assert.ok([...(await counts('decisions')).values()].every((count) => count === 1));
  });
});
