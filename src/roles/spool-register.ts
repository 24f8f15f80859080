import { hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import type { Config } from '../config.js';
import { registeredSpools, registerSpool, unregisterSpool } from '../temporal/spool-nodes.js';
import { messageOf } from '../errors.js';
import type { Spool } from '../ingest/spool.js';
import type { Logger } from '../platform/logger.js';

/** What {@link openSpoolRegister} needs. */
export interface SpoolRegisterOptions {
  readonly config: Pick<Config, 'ack' | 'batches' | 'dataDir'>;
  readonly client: Client;
  readonly spool: Pick<Spool, 'node' | 'held'>;
  readonly log: Pick<Logger, 'warn'>;
}

/** Which spools may hold acknowledged events that are in no batch yet. */
export interface SpoolRegister {
  /** This node's, and those of other APIs on the namespace. @throws HeadgateError `ENGINE_UNAVAILABLE` */
  nodes(): Promise<readonly string[]>;
  /** To be called at the end: takes this node's out of it if it holds no such thing. */
  leave(): Promise<void>;
}

/**
 * Enters a spool in the register, before it takes anything. There is one only where batches are in a bucket: other APIs of
 * the namespace are only there. Where Temporal has each batch before the answer, a spool alone holds nothing acknowledged.
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function openSpoolRegister(options: SpoolRegisterOptions): Promise<SpoolRegister> {
  const { config, client, spool, log } = options;
  const { node } = spool;
  if (config.batches === undefined)
    return { nodes: () => Promise.resolve([node]), leave: () => Promise.resolve() };
  if (config.ack === 'spool') await registerSpool(client, node, { host: hostname(), path: config.dataDir });
  return {
    nodes: async () => [...new Set([node, ...(await registeredSpools(client))])],
    leave: async () => {
      if (holdsMore(spool)) return;
      await unregisterSpool(client, node).catch((error: unknown) =>
        log.warn('SPOOL_NOT_UNREGISTERED', { node, reason: messageOf(error) }),
      );
    },
  };
}

function holdsMore(spool: Pick<Spool, 'held'>): boolean {
  for (const { handedOver } of spool.held()) if (!handedOver) return true;
  return false;
}
