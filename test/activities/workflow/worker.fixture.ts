import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { withFailures } from '../../../src/activities/failure.js';
import { signalWithStart } from '../../../src/activities/workflow/signal.js';
import { createWorkflowPass } from '../../../src/activities/workflow/workflow-pass.js';
import { installRuntime } from '../../../src/temporal/runtime.js';
import { openSharedStores } from '../../../src/roles/stores.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';
import { SILENT } from '../../support/pipeline.js';

/**
 * A process that makes passes of workflow subscriptions until it is killed, and prints the id of each event that Temporal
 * has taken: `<address> <namespace> <queue> <data directory> <tenant's configuration>`.
 */
const [address, namespace = '', taskQueue = '', dataDir = '', config = ''] = process.argv.slice(2);

installRuntime(SILENT);
const stores = openSharedStores(dataDir);
const connection = await NativeConnection.connect({ address });
const client = new Client({ connection, namespace });
const workflowPass = createWorkflowPass({
  configOf: () => parseTenantConfig(config, 'tenant.yaml'),
  batchStore: stores.batchStore,
  deliveryLog: stores.deliveryLog,
  log: SILENT,
  queues: [],
  signal: async ({ tenant, subscription, batch: { stream } }, { target, row }, event) => {
    const of = { stream, source: row.source, id: row.id };
    await signalWithStart(client, { tenant, subscription, target, of, event, namespace });
    console.log(row.id);
  },
  observe: () => undefined,
});
const worker = await Worker.create({
  connection,
  namespace,
  taskQueue,
  activities: { workflowPass: withFailures(workflowPass) },
  maxHeartbeatThrottleInterval: '1 second',
});
await worker.run();
