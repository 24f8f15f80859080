import { Connection } from '@temporalio/client';

/**
 * A connection to where no Temporal answers; to be closed. Calls are not tried again: the SDK's retry starts its next try
 * from a timer, and throws there, where nobody can catch it, once the connection is closed. That would end another test.
 */
export function awayConnection(port: number): Connection {
  return Connection.lazy({ address: `127.0.0.1:${port}`, interceptors: [] });
}
