import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Client, type WorkflowHandle } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { BatchRef, Stream } from '../../src/events/event.js';
import { sweepTenant } from '../../src/retention/sweep.js';
import { searchAttributesOf } from '../../src/tenants/search-attributes.js';
import { createFileBatchStore } from '../../src/stores/batch-store/file.js';
import type { BatchStore } from '../../src/stores/batch-store/batch-store.js';
import { createFileLoadClaims } from '../../src/stores/load-claims/file.js';
import { createFileQuarantine } from '../../src/stores/quarantine/file.js';
import {
  batchWorkflowId,
  deadLetterWorkflowId,
  deliverWorkflowId,
  loadWorkflowId,
} from '../../src/tenants/workflow-ids.js';
import { DEAD_LETTER, DELIVER } from '../../src/workflows/messages/deliveries.js';
import { ANNOUNCE, INGEST_BATCH, LOAD_WINDOW } from '../../src/workflows/messages/batches.js';
import { connect } from '../support/pipeline.js';
import { useTempDir } from '../support/temp-dir.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const RETENTION_MS = 7 * DAY_MS;
/** The moment from which on the batches of 1 March are not kept any more. */
const EXPIRES = Date.UTC(2024, 2, 2) + RETENTION_MS;

describe('retention', function () {
  this.timeout(30_000);
  const dir = useTempDir();
  let connection: NativeConnection;
  let client: Client;
  let store: BatchStore;
  let tenant: string;
  let sequence = 0;
  let running: WorkflowHandle[] = [];

  before(async () => {
    connection = await connect();
    client = new Client({ connection, namespace: testNamespace() });
  });
  after(() => connection.close());
  beforeEach(() => {
    store = createFileBatchStore(join(dir(), 'batches'));
    tenant = `sw-${Math.random().toString(36).slice(2)}`;
  });
  afterEach(async () => {
    for (const handle of running) await handle.terminate();
    running = [];
  });

  const write = (day: string, stream: Stream = 'events'): Promise<BatchRef> => {
    const batchId = `${day}-0123abcd-${(++sequence).toString(36).padStart(9, '0')}`;
    return store.write({ tenant, stream, batchId }, gzipSync('{"id":"a"}\n'), 1);
  };
  const kept = async (stream: Stream = 'events'): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { batchId } of store.list({ tenant, stream })) ids.push(batchId);
    return ids;
  };
  const claims = () => createFileLoadClaims(join(dir(), 'batches'));
  const sweep = (now: number) =>
    sweepTenant(
      { tenant, retentionMs: RETENTION_MS },
      {
        client,
        batchStore: store,
        loadClaims: claims(),
        deliveryLogs: join(dir(), 'deliveries'),
        quarantine: join(dir(), 'quarantine'),
        now,
      },
    );

  /** A workflow that runs, since no Worker takes it up; resolves once it is found by its tenant. */
  async function start(type: string, workflowId: string, announced?: readonly BatchRef[]): Promise<void> {
    const options = {
      workflowId,
      taskQueue: `${tenant}.nobody`,
      args: [{}] as [object],
      typedSearchAttributes: searchAttributesOf(tenant),
    };
    running.push(
      announced === undefined
        ? await client.workflow.start(type, options)
        : await client.workflow.signalWithStart(type, {
            ...options,
            signal: ANNOUNCE,
            signalArgs: [announced],
          }),
    );
    const query = `HeadgateTenant = '${tenant}' AND WorkflowId = '${workflowId}'`;
    await until(async () => assert.equal((await client.workflow.count(query)).count, 1), 10_000);
  }

  it('deletes a day of all streams when its last event can be older than it, and not before', async () => {
    await write('20240301');
    await write('20240301', 'user-properties');
    await write('20240301', 'decisions');
    const next = await write('20240302');
    assert.deepEqual(await sweep(EXPIRES - 1), { files: 0, deliveryLogs: 0, quarantined: 0, left: 0 });
    assert.equal(await store.deletedThrough(tenant), undefined);
    assert.deepEqual(await sweep(EXPIRES), { files: 3, deliveryLogs: 0, quarantined: 0, left: 0 });
    assert.deepEqual(await kept(), [next.batchId]);
    assert.equal(await store.deletedThrough(tenant), '2024-03-01');
    assert.deepEqual(await sweep(EXPIRES), { files: 0, deliveryLogs: 0, quarantined: 0, left: 0 });
  });

  it('leaves what is on its way, waits, or is to be loaded, and deletes it when that is over', async () => {
    const [ingested, delivered, replayed, announced, free] = [
      await write('20240301'),
      await write('20240301'),
      await write('20240301'),
      await write('20240301', 'decisions'),
      await write('20240301'),
    ] as [BatchRef, BatchRef, BatchRef, BatchRef, BatchRef];
    await start(INGEST_BATCH, batchWorkflowId(tenant, 'events', ingested.batchId));
    await start(
      DELIVER,
      deliverWorkflowId(tenant, 'crm', delivered.batchId, { stream: 'events', priority: 'high' }),
    );
    const cause = { stream: 'events', priority: 'low', cause: 'replay-20240301' } as const;
    await start(DELIVER, deliverWorkflowId(tenant, 'crm', replayed.batchId, cause));
    await start(LOAD_WINDOW, loadWorkflowId(tenant, '20240301T120000.000Z'), [announced]);
    assert.deepEqual(await sweep(EXPIRES), { files: 1, deliveryLogs: 0, quarantined: 0, left: 4 });
    const left = [ingested, delivered, replayed].map(({ batchId }) => batchId);
    assert.deepEqual([await kept(), await kept('decisions')], [left, [announced.batchId]]);
    await assert.rejects(store.open(free), { code: 'NOT_FOUND' });
    for (const handle of running.splice(0)) await handle.terminate();
    await until(async () => assert.equal((await sweep(EXPIRES)).left, 0), 10_000);
    assert.deepEqual([await kept(), await kept('decisions')], [[], []]);
  });

  it('deletes claims of loads once no batch can be announced that they may hold', async () => {
    for (const day of ['2024-02-29', '2024-03-01', '2024-03-02']) {
      const claim = { loadId: day, warehouse: 'p.d@EU', batchIds: [], rows: 0, bytes: 0 };
      await claims().claim({ tenant, stream: 'events', day, name: day }, claim);
    }
    const left = async () =>
      (await claims().list({ tenant, stream: 'events', from: '' })).map(({ name }) => name);
    const announced = await write('20240301');
    await start(LOAD_WINDOW, loadWorkflowId(tenant, '20240301T120000.000Z'), [announced]);
    await sweep(EXPIRES);
    assert.equal((await left()).length, 3, 'a batch of an expired day may be loaded still');
    for (const handle of running.splice(0)) await handle.terminate();
    await until(async () => assert.equal((await sweep(EXPIRES)).left, 0), 10_000);
    // That of 1 March may hold batches of the 2nd.
    assert.deepEqual(await left(), ['2024-03-01', '2024-03-02']);
  });

  it('deletes what is in quarantine with its day, but not while its dead letter waits', async () => {
    const quarantine = createFileQuarantine(join(dir(), 'quarantine'));
    const [gone, waits] = [await write('20240301'), await write('20240301')];
    for (const batch of [gone, waits]) await quarantine.noteLost(batch, { events: 1, chunks: [] });
    const delivering = deliverWorkflowId(tenant, 'ingest', waits.batchId, {
      stream: 'events',
      priority: 'normal',
    });
    await start(DEAD_LETTER, deadLetterWorkflowId(delivering, 'spool-damaged', 0));
    assert.deepEqual(await sweep(EXPIRES), { files: 1, deliveryLogs: 0, quarantined: 1, left: 1 });
    assert.deepEqual([await quarantine.lost(gone), (await quarantine.lost(waits))?.events], [undefined, 1]);
  });

  it('deletes nothing while Temporal does not answer', async () => {
    await write('20240301');
    const away = await connect();
    await away.close();
    const lost = new Client({ connection: away, namespace: testNamespace() });
    const options = {
      client: lost,
      batchStore: store,
      deliveryLogs: join(dir(), 'deliveries'),
      quarantine: join(dir(), 'quarantine'),
      now: EXPIRES,
    };
    await assert.rejects(sweepTenant({ tenant, retentionMs: RETENTION_MS }, options));
    assert.equal((await kept()).length, 1);
    assert.equal(await store.deletedThrough(tenant), undefined);
  });

  it('deletes the delivery logs of expired days, but not of what is on its way', async () => {
    const [gone, onItsWay] = ['20240301-0123abcd-000000001', '20240301-0123abcd-000000002'];
    const logs = join(dir(), 'deliveries', tenant, 'crm');
    for (const [day, id] of [
      ['2024-03-01', gone],
      ['2024-03-01', onItsWay],
      ['2024-03-02', gone],
    ]) {
      // prettier-ignore
      mkdirSync(join(logs, day!, id!), { recursive: true });
      writeFileSync(join(logs, day!, id!, 'events.normal.first.1.ndjson.gz'), '');
    }
    await start(
      DELIVER,
      deliverWorkflowId(tenant, 'crm', onItsWay!, { stream: 'events', priority: 'normal' }),
    );
    assert.deepEqual(await sweep(EXPIRES), { files: 0, deliveryLogs: 1, quarantined: 0, left: 0 });
    assert.equal(existsSync(join(logs, '2024-03-01', gone!)), false);
    assert.equal(existsSync(join(logs, '2024-03-01', onItsWay!)), true);
    assert.equal(existsSync(join(logs, '2024-03-02', gone!)), true);
  });
});
