import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCrashNode, type CrashNode } from '../support/crash-node.js';
import { killAll, runHeadgate } from '../support/headgate.js';
import { tokenFor } from '../support/producer.js';
import { openSlowRequest, type SlowRequest } from '../support/slow-request.js';
import { until } from '../support/until.js';
import type { Workload } from '../support/workload.js';

const DRAINING_WITHIN_MS = 30_000;

describe('Headgate, told to stop under load', function () {
  this.timeout(180_000);
  let node: CrashNode;

  beforeEach(async () => {
    node = await createCrashNode('drain');
  });
  afterEach(async () => {
    await node.remove();
    await killAll();
  });

  /** Opens a request of a workload of its own tenant and sends half of it. */
  async function openHalf(workload: Workload): Promise<SlowRequest> {
    const token = await tokenFor(node.dataDir, workload.tenant, 'events:write user-properties:write');
    const { stream, events } = workload.next();
    return openSlowRequest(`${node.url}/v1/${stream}`, token, JSON.stringify(events));
  }

  const refusesConnections = () =>
    until(
      () => assert.rejects(fetch(`${node.url}/healthz`, { headers: { connection: 'close' } })),
      DRAINING_WITHIN_MS,
    );

  /** What an operator would do afterwards: the ids that were acknowledged, against what there is. */
  async function assertAuditClean(): Promise<void> {
    const file = join(node.dataDir, 'acknowledged.ndjson');
    const lines = node.workloads.flatMap(({ tenant, ids }) =>
      Object.entries(ids).flatMap(([stream, all]) =>
        all.map((id) => `${JSON.stringify({ tenant, stream, id })}\n`),
      ),
    );
    writeFileSync(file, lines.join(''));
    const { code, stdout, stderr } = await runHeadgate(['audit', '--ids', file], node.env);
    assert.equal(code, 0, stdout + stderr);
  }

  it('takes no new request, finishes the open ones, and ends with 0; nothing is lost or doubled', async () => {
    const first = await node.start();
    const [slow, ...others] = node.workloads as [Workload, ...Workload[]];
    const load = node.load({}, others);
    const half = await openHalf(slow);
    await until(() => assert.ok(load.acknowledged() > 500), DRAINING_WITHIN_MS);
    const ended = first.signal('SIGTERM');
    await refusesConnections();
    assert.equal(await half.finish(), 202);
    assert.equal((await ended).code, 0, first.stderr);
    const second = await node.start();
    await load.finish();
    await node.drained();
    assert.equal((await node.stopped(second)).code, 0, second.stderr);
    await assertAuditClean();
  });

  it('told twice, ends at once with what is open unfinished; nothing acknowledged is lost or doubled', async () => {
    const first = await node.start();
    const [slow, ...others] = node.workloads as [Workload, ...Workload[]];
    const load = node.load({}, others);
    const half = await openHalf(slow);
    await until(() => assert.ok(load.acknowledged() > 500), DRAINING_WITHIN_MS);
    const ended = first.signal('SIGTERM');
    await refusesConnections();
    const finished = await Promise.all([ended, first.signal('SIGTERM')]);
    assert.deepEqual([finished[0].code, finished[0].signal], [143, null], first.stderr);
    await assert.rejects(half.finish());
    const second = await node.start();
    // The open request was never acknowledged: its producer sends it again, and everything after it.
    const rest = node.load({ resend: true }, [slow]);
    await load.finish();
    await rest.finish();
    await node.drained();
    assert.equal((await node.stopped(second)).code, 0, second.stderr);
    await assertAuditClean();
  });
});
