import { createServer } from 'node:net';
import { HeadgateError, systemCodeOf } from '../errors.js';

/** What a port is to be opened for, for messages. */
export interface PortUse {
  readonly host: string;
  readonly port: number;
  /** The environment variable that sets another port. */
  readonly variable: string;
}

/**
 * True when nothing listens on that port of that address.
 * @throws the system's error when it may not be listened on even so
 */
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
 * @throws HeadgateError `PORT_IN_USE` or `PORT_REFUSED`, naming the port and the variable
 */
export async function assertPortFree(
  host: string,
  port: number,
  what: string,
  variable: string,
): Promise<void> {
  const isFree = await isPortFree(host, port).catch((error: Error) => {
    throw portError(error, { host, port, variable });
  });
  if (isFree) return;
  throw new HeadgateError(
    'PORT_IN_USE',
    `Port ${port}, which ${what} needs, is in use on ${host}. Stop what uses it, or set ${variable} to a free port.`,
    { details: { port, variable } },
  );
}

/** What to say of a port that could not be opened, and what to do about it; other errors as they are. */
export function portError(error: Error, { host, port, variable }: PortUse): Error {
  const code = systemCodeOf(error);
  const options = { cause: error, details: { port, variable } };
  if (code === 'EADDRINUSE') {
    const message = `Port ${port} is taken by another program. Stop it, or set ${variable} to a free port.`;
    return new HeadgateError('PORT_IN_USE', message, options);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const message = `Port ${port} may not be opened by this user (${code}). Set ${variable} to one above 1023, or permit it.`;
    return new HeadgateError('PORT_REFUSED', message, options);
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    const message = `${host} is not an address of this machine (${code}). Set HEADGATE_HOST to one that is.`;
    return new HeadgateError('PORT_REFUSED', message, options);
  }
  return error;
}
