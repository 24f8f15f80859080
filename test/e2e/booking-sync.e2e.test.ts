import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { killAll, ownEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/booking-sync/${name}`, import.meta.url));

/** Runs what is in dist. */
describe('examples/booking-sync', function () {
  this.timeout(120_000);
  const dir = useTempDir();
  let worker: ChildProcess | undefined;
  afterEach(async () => {
    worker?.kill('SIGKILL');
    await killAll();
  });

  function startWorker(address: string): { child: ChildProcess; lines: string[] } {
    const child = spawn(process.execPath, [example('worker.mjs')], {
      env: { ...process.env, TEMPORAL_ADDRESS: address },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    worker = child;
    const lines: string[] = [];
    createInterface(child.stdout).on('line', (line) => lines.push(line));
    return { child, lines };
  }

  it("applies each booking's events in the order they were acknowledged in, and ends when it is told to", async () => {
    const env = await ownEnvironment(dir());
    const node = spawnHeadgate(['start'], env);
    const { url, temporal } = await node.ready();
    const applied = await runHeadgate(['tenant', 'apply', example('travel.yaml')], env);
    assert.equal(applied.code, 0, applied.stderr);
    const token = await runHeadgate(['token', '--tenant', 'travel', '--scope', 'events:write'], env);
    const post = async (events: readonly object[]): Promise<void> => {
      const answer = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token.stdout.trim()}`, 'content-type': 'application/json' },
        body: JSON.stringify(events.map((event) => ({ specversion: '1.0', source: '/shop', ...event }))),
      });
      assert.equal(answer.status, 202);
    };
    const types = ['created', 'paid', 'changed', 'checked-in'];
    const bookings = ['R7Q2', 'K3M9', 'P5X1'];
    // The first comes before there is a worker.
    await until(
      () => post(bookings.map((subject) => ({ id: `${subject}-0`, type: 'booking.created', subject }))),
      20_000,
    );
    const { child, lines } = startWorker(temporal);
    await until(() => assert.equal(lines.length, bookings.length), 60_000);
    await post(
      types
        .slice(1)
        .flatMap((type, n) =>
          bookings.map((subject) => ({ id: `${subject}-${n + 1}`, type: `booking.${type}`, subject })),
        ),
    );
    await until(() => assert.equal(lines.length, bookings.length * types.length), 60_000);
    for (const subject of bookings)
      assert.deepEqual(
        lines.filter((line) => line.includes(subject)),
        types.map((type, n) => `travel ${subject}: booking.${type} ${subject}-${n}`),
      );

    const connection = await Connection.connect({ address: temporal });
    const handle = new Client({ connection }).workflow.getHandle('own/travel/R7Q2');
    assert.deepEqual(await handle.query('state'), { applied: 4, last: 'booking.checked-in' });
    await connection.close();
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0);
  });
});
