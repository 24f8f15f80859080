import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import type { ReplayView } from '../../src/commands/replay-client.js';
import { signToken } from '../../src/keys/key-set.js';
import { skipWithoutFakeGcs, startFakeGcs, type FakeGcs } from '../support/fake-gcs.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate, type Finished } from '../support/headgate.js';
import { countInFiles } from '../support/parquet.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';
import { until } from '../support/until.js';

const TENANT = 'shop';
const PREFIX = 'eu/prod';
const IDS = Array.from({ length: 40 }, (_, index) => `order-${index}`);

async function post(dir: string, url: string): Promise<void> {
  const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
  const token = await signToken(dir, { tenant: TENANT, scope: 'admin', ...claims });
  const events = IDS.map((id, index) => {
    return {
      specversion: '1.0',
      id,
      source: 'test',
      type: 'order.made',
      subject: 's',
      data: { amount: index },
    };
  });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(events) });
  assert.equal(answer.status, 202, await answer.text());
}

describe('a Headgate whose batches are in a bucket', function () {
  this.timeout(180_000);
  let gcs: FakeGcs | undefined;
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  let crm: WebhookReceiver;

  before(async function () {
    skipWithoutFakeGcs(this);
    gcs = await startFakeGcs('headgate-batches');
    dir = await mkdtemp(join(tmpdir(), 'headgate-gcs-'));
    env = {
      ...(await nodeEnvironment(dir)),
      HEADGATE_BATCHES: `gs://headgate-batches/${PREFIX}`,
      HEADGATE_GCS_ENDPOINT: gcs.endpoint,
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
    };
    // The last order is one that the receiver never takes.
    crm = await startReceiver(({ body }) => (body.includes('order-39') ? 400 : 204));
    const config = {
      tenant: TENANT,
      warehouse: { window: '1s' },
      rules: [{ name: 'large', on: ['order.made'], when: 'event.data.amount >= 20' }],
      subscriptions: [{ name: 'crm', kind: 'push', url: crm.url, retry: { schedule: ['100ms'] } }],
      routes: [{ match: { type: 'order.*' }, to: ['crm'] }],
    };
    await mkdir(join(dir, 'given'));
    await writeFile(join(dir, 'given', `${TENANT}.yaml`), JSON.stringify(config));
    ({ url } = await spawnHeadgate(['start', '--tenants', join(dir, 'given')], env).ready());
    await post(dir, url);
  });
  after(async () => {
    await killAll();
    await crm?.stop();
    await gcs?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  const run = async (...args: string[]): Promise<Finished> => {
    const ended = await runHeadgate(args, env);
    assert.equal(ended.code, 0, ended.stderr + ended.stdout);
    return ended;
  };
  const ofTenant = (...args: string[]) => run(...args, '--tenant', TENANT, '--url', url);

  it('has every event and decision in Parquet, its batches in the bucket, and none on its disk', async () => {
    const warehouse = join(dir, 'warehouse');
    const expected = { events: IDS.length, user_properties: 0, decisions: IDS.length };
    await until(async () => assert.deepEqual(await countInFiles(warehouse, TENANT), expected), 30_000);
    const [files] = await (gcs as FakeGcs).bucket.getFiles();
    const batches = files.map(({ name }) => name).filter((name) => name !== 'eu/prod/.store.json');
    assert.ok(batches.length >= 2 && batches.length < files.length, files.map(({ name }) => name).join());
    for (const name of batches)
      assert.match(name, /^eu\/prod\/shop\/(events|decisions)\/[\d-]{10}\/[\w-]+\.ndjson\.gz$/);
    assert.equal(existsSync(join(dir, 'batches')), false);
    const copies = readdirSync(join(dir, 'downloads')).filter((name) => !name.endsWith('.lock'));
    assert.deepEqual(copies, [], 'they are deleted when they are loaded');
  });

  it('audits them', async () => {
    const { clean } = JSON.parse((await run('audit', '--tenant', TENANT, '--json')).stdout) as {
      clean: boolean;
    };
    assert.equal(clean, true);
  });

  it('decides again on what is kept there', async () => {
    const { stdout } = await ofTenant('replay', '--rules', 'current', '--dry-run', '--json');
    const { report } = JSON.parse(stdout) as ReplayView;
    assert.deepEqual([report?.events, report?.matched], [IDS.length, IDS.length]);
  });

  it('shows what is in a dead letter', async () => {
    const [id = ''] = await until(async () => {
      const { stdout } = await ofTenant('dead-letters', 'list', '--json');
      const { deadLetters } = JSON.parse(stdout) as { deadLetters: { id: string }[] };
      assert.equal(deadLetters.length, 1);
      return deadLetters.map((each) => each.id);
    }, 60_000);
    assert.match((await ofTenant('dead-letters', 'show', id)).stdout, /order-39/);
  });

  it('is told by the doctor that the bucket can be written, and what to do when there is none', async () => {
    assert.match(
      (await runHeadgate(['doctor'], env)).stdout,
      /ok +batches +gs:\/\/headgate-batches can be written/,
    );
    const elsewhere = { ...env, HEADGATE_BATCHES: 'gs://no-such-bucket' };
    const { code, stdout } = await runHeadgate(['doctor'], elsewhere);
    assert.equal(code, 1);
    assert.match(stdout, /fail +batches +There is no bucket gs:\/\/no-such-bucket: create it/);
  });

  it('does not start with a bucket that is not there', async () => {
    const other = { ...(await nodeEnvironment(join(dir, 'other'))), HEADGATE_BATCHES: 'gs://no-such-bucket' };
    const { code, stderr } = await runHeadgate(['start'], {
      ...other,
      HEADGATE_GCS_ENDPOINT: env.HEADGATE_GCS_ENDPOINT ?? '',
    });
    assert.equal(code, 1);
    assert.match(stderr, /There is no bucket gs:\/\/no-such-bucket.*BATCH_STORE_REFUSED/);
  });

  it('takes events in while the bucket does not answer, and encrypts and loads them when it does', async () => {
    const home = join(dir, 'early');
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const key = { HEADGATE_BATCH_KEY: randomBytes(32).toString('base64') };
    const own = { ...env, ...(await nodeEnvironment(home)), ...key, HEADGATE_GCS_ENDPOINT: endpoint };
    const node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], own);
    await node.logged(/BATCH_STORE_AWAY/);
    await post(home, (await node.ready()).url);
    await node.logged(/"step":"write".*gs:\/\/headgate-batches does not answer.*ECONNREFUSED/);
    const late = await startFakeGcs('headgate-batches', port);
    try {
      await until(async () => {
        const { events } = await countInFiles(join(home, 'warehouse'), TENANT);
        assert.equal(events, IDS.length);
      }, 60_000);
      const [files] = await late.bucket.getFiles({ prefix: `${PREFIX}/` });
      const names = files.map(({ name }) => name.slice(PREFIX.length + 1));
      assert.ok(names.includes('.batch-key.json') && names.includes(`${TENANT}/batch-key.json`));
      for (const file of files.filter(({ name }) => name.endsWith('.gz')))
        assert.equal((await file.download())[0].subarray(0, 4).toString(), 'HGE1');
    } finally {
      await node.end();
      await late.stop();
    }
  });
});
