import assert from 'node:assert/strict';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { FoundChunk } from '../../src/ingest/spool.js';
import { openSpoolRegister, type SpoolRegister } from '../../src/roles/spool-register.js';
import { chunkOf } from '../support/batches.js';
import { connect, SILENT } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const BUCKET = { bucket: 'events', prefix: '' };

describe('the register of spools', () => {
  let connection: NativeConnection;
  let client: Client;

  before(async () => {
    connection = await connect();
    client = new Client({ connection, namespace: testNamespace() });
  });
  after(() => connection.close());

  function open(
    node: string,
    more: { batches?: typeof BUCKET; ack?: 'spool' | 'started'; held?: FoundChunk[] } = {},
  ): Promise<SpoolRegister> {
    const { batches = BUCKET, ack = 'spool', held = [] } = more;
    const config = { batches: 'batches' in more ? more.batches : batches, ack, dataDir: '/data' };
    return openSpoolRegister({ config, client, spool: { node, held: () => held }, log: SILENT });
  }

  /** Temporal's visibility is behind. */
  const knows = (register: SpoolRegister, nodes: readonly string[]): Promise<void> =>
    until(async () => assert.deepEqual([...(await register.nodes())].sort(), nodes), 10_000);

  const waiting = (handedOver: boolean): FoundChunk => ({ ...chunkOf('UA', 1), handedOver });

  it('has those that share a bucket, until they end with nothing that is not in batches', async () => {
    const [first, second] = [await open('0000aaaa'), await open('0000bbbb')];
    await open('0000bbbb');
    await knows(first, ['0000aaaa', '0000bbbb']);
    await knows(second, ['0000aaaa', '0000bbbb']);
    const full = await open('0000cccc', { held: [waiting(true), waiting(false)] });
    await full.leave();
    await second.leave();
    await second.leave();
    await knows(first, ['0000aaaa', '0000cccc']);
    await (await open('0000cccc', { held: [waiting(true)] })).leave();
    await knows(first, ['0000aaaa']);
  });

  it('hears of none that answers when Temporal has the batch, and asks for none where there is no bucket', async () => {
    const started = await open('0000dddd', { ack: 'started' });
    const [other] = [await open('0000eeee')];
    await knows(started, ['0000aaaa', '0000dddd', '0000eeee']);
    await knows(other, ['0000aaaa', '0000eeee']);
    await knows(await open('0000ffff', { batches: undefined }), ['0000ffff']);
  });

  it('takes no workflow of another id for one', async () => {
    const handle = await client.workflow.start('headgate.spool', {
      workflowId: 'own/UA/headgate.spool.0000abcd',
      taskQueue: 'none',
    });
    const register = await open('0000eeee');
    await until(async () => {
      const { status } = await handle.describe();
      assert.equal(status.name, 'RUNNING');
    }, 5_000);
    assert.ok(!(await register.nodes()).includes('0000abcd'));
    await handle.terminate();
  });
});
