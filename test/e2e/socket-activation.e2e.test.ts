import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnvironment } from '../support/headgate.js';
import { canHoldSocket, holdSocket, type HeldSocket } from '../support/held-socket.js';
import { rowsInFiles } from '../support/parquet.js';
import { tokenFor } from '../support/producer.js';
import { until } from '../support/until.js';
import { writeWorkloadTenant } from '../support/workload.js';

const TENANT = 'held';

describe('a node on a socket that systemd holds', function () {
  this.timeout(180_000);
  let dataDir: string;
  let held: HeldSocket;
  let token: string;

  before(async function () {
    if (!canHoldSocket) {
      console.log('      skipped: there is no python3');
      return this.skip();
    }
    dataDir = await mkdtemp(join(tmpdir(), 'headgate-held-'));
    writeWorkloadTenant(join(dataDir, 'tenants'), TENANT, 'pooled');
    held = await holdSocket(await nodeEnvironment(dataDir));
  });
  after(async () => {
    await held?.close();
    if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
  });

  /** On a connection of its own; resolves with the status, or with why there was no answer. */
  function post(id: string): Promise<number | string> {
    const body = JSON.stringify({
      specversion: '1.0',
      id,
      source: '/held',
      type: 'order.paid',
      subject: 's',
    });
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    return new Promise((resolve) => {
      const asking = request(`${held.url}/v1/events`, { method: 'POST', agent: false, headers }, (answer) => {
        answer.resume().once('close', () => resolve(answer.statusCode ?? 0));
      });
      asking.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      asking.end(body);
    });
  }

  it('refuses no connection while it starts, starts again, and after it was killed', async () => {
    const first = await held.start();
    // Waits in the socket until the node takes it.
    assert.equal((await fetch(`${held.url}/readyz`)).status, 200);
    token = await tokenFor(dataDir, TENANT, 'events:write');
    const answers: (number | string)[] = [];
    const sent: string[] = [];
    let stopping = false;
    const sender = async (name: string): Promise<void> => {
      for (let number = 0; !stopping; number++) {
        const id = `${name}-${number}`;
        sent.push(id);
        // As a client that tries again: with the same id.
        for (let answer = await post(id); answers.push(answer), answer !== 202; answer = await post(id))
          assert.notEqual(answer, 'ECONNREFUSED');
      }
    };
    const sending = Promise.all(['a', 'b'].map(sender));
    await until(() => assert.ok(sent.length > 50), 30_000);
    await held.end(first, 'SIGTERM');
    const before = sent.length;
    const second = await held.start();
    await until(() => assert.ok(sent.length > before + 50), 60_000);
    await held.end(second, 'SIGKILL');
    const third = await held.start();
    const then = sent.length;
    await until(() => assert.ok(sent.length > then + 50), 60_000);
    stopping = true;
    await sending;
    assert.deepEqual(
      answers.filter((each) => each === 'ECONNREFUSED'),
      [],
    );
    // At the end of the second nobody could answer what it had read; the first has answered all.
    const cut = answers.filter((each) => typeof each === 'string');
    assert.ok(cut.length <= 2, cut.join());
    await held.end(third, 'SIGTERM');
    const last = await held.start();
    const ids = async () =>
      (await rowsInFiles(join(dataDir, 'warehouse'), TENANT, 'events', 'id')).map(String);
    await until(async () => assert.deepEqual((await ids()).sort(), [...sent].sort()), 60_000);
    await held.end(last, 'SIGTERM');
  });
});
