import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import type { SubjectDecisions } from '../../src/client/index.js';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, spawnHeadgate, type HeadgateProcess } from '../support/headgate.js';
import { until } from '../support/until.js';
import { writeWorkloadTenant } from '../support/workload.js';

const TENANT = 'people';
const PEOPLE = 6;
const SOON_MS = 60_000;
/** Where a node dies while subjects are merged. */
const FAULTS = ['checkpoint.before:1', 'checkpoint.after:1', 'checkpoint.before:2', 'spool-delete.after:2'];

/** The workload's rule `counted` holds where the subject has had as many orders as the event says. */
function order(id: string, subject: string, nth: number): object {
  const time = new Date(Date.UTC(2024, 0, 1, 0, 0, nth)).toISOString();
  const data = { amount: 1, nth, total: nth, revision: 0 };
  return { specversion: '1.0', id, source: '/shop', type: 'order.placed', subject, time, data };
}

describe('a node that is killed while it merges subjects', function () {
  this.timeout(240_000);
  let dir: string;
  let env: Record<string, string>;
  let url: string;
  let token: string;
  let node: HeadgateProcess;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-merged-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    env = { ...(await nodeEnvironment(dir)), HEADGATE_PORT: String(port) };
    writeWorkloadTenant(join(dir, 'tenants'), TENANT, 'pooled');
    await start();
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
    token = await signToken(dir, { tenant: TENANT, scope: 'admin', ...claims });
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(more: Record<string, string> = {}): Promise<void> {
    node = spawnHeadgate(['start'], { ...env, ...more });
    await node.ready();
  }

  /** As a producer does that wants each event kept: it asks again, whoever answers by then. */
  async function post(stream: string, events: readonly object[]): Promise<void> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify(events);
    await until(async () => {
      if (!node.alive) await start();
      const { status } = await fetch(`${url}/v1/${stream}`, { method: 'POST', headers, body });
      assert.equal(status, 202);
    }, SOON_MS);
  }

  async function known(subject: string): Promise<SubjectDecisions> {
    const headers = { authorization: `Bearer ${token}` };
    return until(async () => {
      if (!node.alive) await start();
      const answer = await fetch(`${url}/v1/eligibility/${encodeURIComponent(subject)}`, { headers });
      assert.equal(answer.status, 200);
      return (await answer.json()) as SubjectDecisions;
    }, SOON_MS);
  }

  /** The current decision of `counted` about a subject: what it was about, and what came of it. */
  async function counted(subject: string): Promise<unknown> {
    const { subject: asked, mergedInto, decisions } = await known(subject);
    const { eventId, outcome, reason } = decisions.find(({ rule }) => rule === 'counted') ?? {};
    return { asked, mergedInto, eventId, outcome, reason };
  }

  /** Orders of before the login, the login, and orders of after it under either name. */
  async function live(name: string): Promise<void> {
    const [anonymous, user] = [`anonymous of ${name}`, name];
    const before = [1, 2, 3].map((nth) => order(`${name}-${nth}`, anonymous, nth));
    await post('events', before);
    const login = { specversion: '1.0', id: name, source: '/shop', type: 'login', subject: user };
    await post('user-properties', [{ ...login, data: { name }, mergesubject: anonymous }]);
    await post('events', [order(`${name}-4`, anonymous, 4)]);
    await post('events', [order(`${name}-5`, user, 5)]);
  }

  async function assertLived(name: string): Promise<void> {
    const reason = 'aggregates.orders = 5 and event.data.nth = 5';
    const last = { eventId: `${name}-5`, outcome: 'eligible', reason };
    const anonymous = `anonymous of ${name}`;
    assert.deepEqual(await counted(name), { asked: name, mergedInto: undefined, ...last });
    assert.deepEqual(await counted(anonymous), { asked: anonymous, mergedInto: name, ...last });
    assert.deepEqual((await known(name)).profile, { name });
  }

  it('has each event once, and each name with the same subject, whenever that was', async () => {
    const names: string[] = [];
    for (const fault of FAULTS) {
      assert.equal((await node.signal('SIGKILL')).signal, 'SIGKILL');
      // It may come to it before it says that it is ready.
      await start({ HEADGATE_FAULT: fault }).catch(() => undefined);
      const doomed = node;
      for (let n = 0; n < PEOPLE || doomed.alive; n++) {
        const name = `${fault} ${n}`;
        names.push(name);
        await live(name);
      }
      assert.equal((await doomed.finished).signal, 'SIGKILL', doomed.stderr.slice(-2_000));
    }
    for (const name of names) await assertLived(name);
    await node.signal('SIGKILL');
    for (const name of names) await assertLived(name);
    assert.equal((await node.signal('SIGTERM')).code, 0);
    for (const name of names) await assertLived(name);
  });
});
