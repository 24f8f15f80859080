import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { temporalAddress } from './temporal.js';

const DAY_SECONDS = 24 * 60 * 60;

/** Makes namespaces on the run's Temporal server, so that nodes which run side by side do not share queues. */
export async function createNamespaces(names: readonly string[]): Promise<void> {
  const connection = await Connection.connect({ address: temporalAddress() });
  const workflowExecutionRetentionPeriod = proto.google.protobuf.Duration.fromObject({
    seconds: DAY_SECONDS,
  });
  try {
    for (const namespace of names)
      await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
    for (const namespace of names) await untilKnown(connection, namespace);
  } finally {
    await connection.close();
  }
}

/** The server's parts hear of a namespace one after the other; starting a workflow needs all of them. */
async function untilKnown(connection: Connection, namespace: string): Promise<void> {
  for (;;) {
    try {
      await connection.workflowService.listWorkflowExecutions({ namespace, pageSize: 1 });
      return;
    } catch {
      await sleep(100);
    }
  }
}
