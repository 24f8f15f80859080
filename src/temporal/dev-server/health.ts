import { connect as connectSocket } from 'node:net';
import { Connection } from '@temporalio/client';
import { SECOND_MS } from '../../platform/time.js';

/**
 * True when a Temporal at `address` answers for the namespace within two seconds. Asks through the SDK's Client
 * connection, not the native one, which would fix the settings of the process's Runtime before its main has chosen them.
 */
export async function answersFor(address: string, namespace: string): Promise<boolean> {
  // Asked first: a refused socket costs nothing, while the SDK retries for seconds.
  if (!(await listens(address))) return false;
  const connection = Connection.lazy({ address, connectTimeout: 2 * SECOND_MS });
  try {
    await connection.ensureConnected();
    const deadline = Date.now() + 2 * SECOND_MS;
    await connection.withDeadline(deadline, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

/** True when something accepts connections at `host:port`. */
function listens(address: string): Promise<boolean> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connectSocket({ host, port: Number(address.slice(colon + 1)), timeout: 2 * SECOND_MS });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('timeout', () => done(false));
    socket.once('error', () => done(false));
  });
}
