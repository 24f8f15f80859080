import { hostname } from 'node:os';
import { Client, type ClientOptions } from '@temporalio/client';
import { ownIdentity } from '../platform/own-identity.js';

/** Makes a client whose acts in Temporal can be told from other people's. */
export function ownClient(options: Pick<ClientOptions, 'connection' | 'namespace' | 'interceptors'>): Client {
  return new Client({ ...options, identity: ownIdentity(`${process.pid}@${hostname()}`) });
}
