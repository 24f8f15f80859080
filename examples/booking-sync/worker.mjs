/** Runs a workflow per booking, which Headgate starts and signals, until it is told to stop. */
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';

const { TEMPORAL_ADDRESS: address = '127.0.0.1:7233', TEMPORAL_NAMESPACE: namespace = 'default' } =
  process.env;

const activities = {
  /** The work. It may be done more than once for an event: let the event's id decide whether it is done already. */
  async applyToBooking(tenant, event) {
    console.log(`${tenant} ${event.subject}: ${event.type} ${event.id}`);
  },
};

const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  namespace,
  // What the subscription's `taskQueue` template gives.
  taskQueue: 'own.travel',
  workflowsPath: fileURLToPath(new URL('./workflows.mjs', import.meta.url)),
  activities,
});
// It ends on SIGINT and SIGTERM, after what is running.
await worker.run();
await connection.close();
