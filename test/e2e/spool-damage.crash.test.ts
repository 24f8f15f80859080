import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { damageSpool } from '../support/damage.js';
import {
  killAll,
  nodeEnvironment,
  runHeadgate,
  spawnHeadgate,
  type Finished,
  type HeadgateProcess,
} from '../support/headgate.js';
import { countInFiles, rowsInFiles } from '../support/parquet.js';
import { tokenFor } from '../support/producer.js';
import { until } from '../support/until.js';

/** A Worker that has died with a task in its hands is given up after ten seconds. */
const SOON_MS = 60_000;

describe('Headgate, started on a spool that the disk has damaged', function () {
  this.timeout(240_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-spool-damage-'));
    const port = await freePort();
    env = {
      ...(await nodeEnvironment(dir)),
      HEADGATE_PORT: String(port),
    };
    url = `http://127.0.0.1:${port}`;
    mkdirSync(join(dir, 'tenants'));
    // Long enough that nothing is on its way when the process is killed.
    for (const tenant of ['hurt', 'sound', 'lost']) {
      const config = { tenant, batch: { linger: '5s' }, warehouse: { window: '1s' } };
      writeFileSync(join(dir, 'tenants', `${tenant}.yaml`), JSON.stringify(config));
    }
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  const start = (more: Record<string, string> = {}): HeadgateProcess =>
    spawnHeadgate(['start'], { ...env, ...more });

  async function post(tenant: string, ...ids: string[]): Promise<{ accepted: number }> {
    const events = ids.map((id) => ({
      specversion: '1.0',
      id,
      source: '/test',
      type: 'seat.taken',
      subject: 's',
      data: { seat: `seat of ${id}` },
    }));
    const authorization = `Bearer ${await tokenFor(dir, tenant, 'events:write')}`;
    const answer = await fetch(`${url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify(events),
      headers: { authorization, 'content-type': 'application/json' },
    });
    assert.equal(answer.status, 202);
    return (await answer.json()) as { accepted: number };
  }

  async function deadLetters(tenant: string, verb: string, ...args: string[]): Promise<Finished> {
    const token = await tokenFor(dir, tenant, 'dead-letters:read dead-letters:write');
    const options = ['--tenant', tenant, '--url', url, ...args];
    return runHeadgate(['dead-letters', verb, ...options], { ...env, HEADGATE_TOKEN: token });
  }

  const listed = async (tenant: string): Promise<{ id: string; reason: string; count: number }[]> => {
    const { stdout } = await deadLetters(tenant, 'list', '--subscription', 'ingest', '--json');
    return (JSON.parse(stdout) as { deadLetters: { id: string; reason: string; count: number }[] })
      .deadLetters;
  };

  it('dies between quarantine and dead letter, starts again, and loses of a tenant what is damaged alone', async () => {
    const first = start();
    await first.ready();
    await post('hurt', 'a1', 'a2');
    await post('hurt', 'b1', 'b2', 'b3');
    await post('sound', 'c1');
    await post('lost', 'd1');
    await first.signal('SIGKILL');
    damageSpool(join(dir, 'spool'), 'seat of b2');
    // Of this one it cannot be told whose it is.
    damageSpool(join(dir, 'spool'), '"firstEvent":"d1"');

    const second = await start({ HEADGATE_FAULT: 'park.before' }).finished;
    assert.equal(second.signal, 'SIGKILL', second.stderr);
    assert.deepEqual(readdirSync(join(dir, 'quarantine')).sort(), ['_unattributed', 'hurt']);

    const third = start();
    await third.ready();
    const [dead, ...none] = await until(async () => {
      const all = await listed('hurt');
      assert.ok(all.length > 0);
      return all;
    }, SOON_MS);
    assert.deepEqual([dead?.reason, dead?.count, none], ['spool-damaged', 3, []]);
    const warehouse = join(dir, 'warehouse');
    await until(async () => {
      const idsOf = async (tenant: string) => (await rowsInFiles(warehouse, tenant, 'events', 'id')).flat();
      assert.deepEqual((await idsOf('hurt')).sort(), ['a1', 'a2']);
      assert.deepEqual(await idsOf('sound'), ['c1']);
    }, SOON_MS);
    assert.deepEqual([await listed('sound'), await listed('lost')], [[], []]);
    const said = second.stderr + third.stderr;
    for (const id of ['RECORD_UNREADABLE', 'EVENTS_LOST']) assert.ok(said.includes(id), id);
    assert.ok(!said.includes('seat of'), 'no events in the log');
  });

  it('refuses to redrive them, says so in audits, and lets them be sent again and discarded', async () => {
    const [dead] = await listed('hurt');
    const redriven = await deadLetters('hurt', 'redrive', dead!.id);
    assert.equal(redriven.code, 1);
    assert.match(redriven.stderr, /nothing is left to deliver.*DEAD_LETTER_UNREADABLE/s);
    const audit = await runHeadgate(['audit', '--tenant', 'hurt'], env);
    assert.equal(audit.code, 1);
    assert.match(audit.stdout, /hurt: 3 of events damaged on disk before they were in batch/);
    assert.equal((await runHeadgate(['audit', '--tenant', 'sound'], env)).code, 0);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(
      metrics,
      /headgate_dead_events_total\{tenant="hurt",subscription="ingest",reason="spool-damaged"\} 3/,
    );
    assert.equal((await post('hurt', 'a1', 'b1', 'b2', 'b3')).accepted, 3);
    await until(
      async () => assert.equal((await countInFiles(join(dir, 'warehouse'), 'hurt')).events, 5),
      SOON_MS,
    );
    const discarded = await deadLetters('hurt', 'discard', dead!.id, '--reason', 'sent again');
    assert.equal(discarded.code, 0, discarded.stderr);
    await until(async () => assert.deepEqual(await listed('hurt'), []), SOON_MS);
  });
});
