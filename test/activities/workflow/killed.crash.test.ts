import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { PassProgress } from '../../../src/activities/deliveries/progress.js';
import { LineSet } from '../../../src/events/line-set.js';
import { openSharedStores } from '../../../src/roles/stores.js';
import type { DeliverInput, DeliverResult } from '../../../src/workflows/messages/deliveries.js';
import { event } from '../../support/events.js';
import { kill } from '../../support/kill.js';
import { connect, workflowCode } from '../../support/pipeline.js';
import { signalsOf } from '../../support/signals.js';
import { temporalAddress, testNamespace } from '../../support/temporal.js';
import { useTempDir } from '../../support/temp-dir.js';
import { until } from '../../support/until.js';

const TENANT = 'wf-killed';
const EVENTS = 200;
const WORKFLOWS = 20;
/** So slow that there are heartbeats, and signals after them, before the pass is through: 40 at once, then 20 a second. */
const SYNC = {
  name: 'sync',
  kind: 'workflow',
  workflow: '"bookingSync"',
  signal: '"booking"',
  taskQueue: `"own.${TENANT}"`,
  id: 'event.subject',
  limits: { eventsPerSecond: 20 },
};

/** A process that signals, and what it has said so far. */
interface Signaller {
  readonly process: ChildProcess;
  /** Ids of events that Temporal has taken from it. */
  readonly signalled: string[];
}

describe('a worker of workflow subscriptions that is killed', function () {
  // That a Worker died is noticed by its missing heartbeat, after 30 s.
  this.timeout(120_000);
  const dir = useTempDir();
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) await kill(child);
  });

  function start(queue: string): Signaller {
    const fixture = fileURLToPath(new URL('./worker.fixture.ts', import.meta.url));
    const config = JSON.stringify({ tenant: TENANT, subscriptions: [SYNC] });
    const args = ['--import=tsx', fixture, temporalAddress(), testNamespace(), queue, dir(), config];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const signalled: string[] = [];
    createInterface(child.stdout).on('line', (id) => signalled.push(id));
    return { process: child, signalled };
  }

  /** Lines that the pass on its way has told Temporal of. */
  async function confirmed(delivery: WorkflowHandle): Promise<LineSet> {
    const { raw } = await delivery.describe();
    const [payload] = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads ?? [];
    const { delivered = '' } = JSON.parse(
      Buffer.from(payload?.data ?? '{}').toString(),
    ) as Partial<PassProgress>;
    return LineSet.decode(delivered, EVENTS);
  }

  it('has its pass gone on with: every event arrives once and in order, also what no heartbeat had reported', async () => {
    const queue = `killed-workflow-${Date.now()}`;
    const rows = Array.from({ length: EVENTS }, (_, line) => ({
      ...event(`k-${line}`, 0),
      subject: `s${line % WORKFLOWS}`,
    }));
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    const name = { tenant: TENANT, stream: 'events', batchId: `${day}-0123abcd-000000001` } as const;
    const ndjson = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const { batchStore, deliveryLog } = openSharedStores(dir());
    const batch = await batchStore.write(name, gzipSync(ndjson), EVENTS);
    const connection = await connect();
    const client = new Client({ connection, namespace: testNamespace() });
    const workflows = await Worker.create({
      connection,
      namespace: testNamespace(),
      taskQueue: `${queue}-workflows`,
      workflowBundle: { code: await workflowCode() },
    });
    const input: DeliverInput = {
      tenant: TENANT,
      subscription: 'sync',
      kind: 'workflow',
      batch,
      count: EVENTS,
      priority: 'normal',
      queue,
      activityQueue: `${queue}-workflows`,
      expiresAt: Date.now() + 24 * 60 * 60 * 1000,
    };
    await workflows.runUntil(async () => {
      const first = start(queue);
      const options = { workflowId: queue, taskQueue: `${queue}-workflows`, args: [input] };
      const delivery = await client.workflow.start('deliver', options);
      let known = await until(async () => {
        const lines = await confirmed(delivery);
        assert.ok(lines.count > 0 && first.signalled.length > lines.count + 10);
        return lines;
      }, 40_000);
      await kill(first.process);
      known = await confirmed(delivery);
      const untold = first.signalled.filter((id) => !known.has(Number(id.slice('k-'.length))));
      assert.ok(untold.length > 0 && first.signalled.length < EVENTS, `${first.signalled.length} signalled`);

      const second = start(queue);
      const { delivered, deadLettered } = (await delivery.result()) as DeliverResult;
      assert.deepEqual([delivered, deadLettered], [EVENTS, 0]);
      const again = first.signalled.filter((id) => second.signalled.includes(id));
      assert.deepEqual(again.sort(), untold.sort());
      for (let n = 0; n < WORKFLOWS; n++) {
        const expected = rows.filter(({ subject }) => subject === `s${n}`).map(({ id }) => id);
        assert.deepEqual((await signalsOf(client, `own/${TENANT}/s${n}`)).events, expected);
      }
      const logged = await deliveryLog.read({ ...name, subscription: 'sync' });
      assert.equal(new Set(logged.map(({ event: id }) => id)).size, EVENTS);
      assert.equal(logged.filter(({ resumed }) => resumed === true).length, known.count);
    });
    await connection.close();
  });
});
