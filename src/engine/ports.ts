import { createServer } from 'node:net';
import { HeadgateError, systemCodeOf } from '../errors.js';

/** True when nothing listens on that port of that address. */
export function isPortFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      if (systemCodeOf(error) === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/**
 * Checks that a port can be listened on.
 * @param what what the port is for, for the message
 * @param variable the environment variable that sets another port
 * @throws HeadgateError `PORT_IN_USE`, naming the port and the variable
 */
export async function assertPortFree(
  host: string,
  port: number,
  what: string,
  variable: string,
): Promise<void> {
  if (await isPortFree(host, port)) return;
  throw new HeadgateError(
    'PORT_IN_USE',
    `Port ${port}, which ${what} needs, is in use on ${host}. Stop what uses it, or set ${variable} to a free port.`,
    { details: { port, variable } },
  );
}
