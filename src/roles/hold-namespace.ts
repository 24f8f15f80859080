import type { Config } from '../config.js';
import { ownClient } from '../temporal/own-client.js';
import { readNamespaceClaim, startNamespaceClaim } from '../temporal/namespace-owner.js';
import type { Temporal } from '../temporal/temporal.js';
import { HeadgateError, messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { BoundStore } from '../stores/batch-store/identified.js';
import type { StoreIdentity } from '../stores/batch-store/store-identity.js';
import { openDataDirectory } from './data-directory.js';
import { claimNamespace, lostToCopy, ownerOf, problemOf, type Claimant } from './namespace-claim.js';
import type { Roles } from './roles.js';

/** What {@link holdNamespace} needs. */
export interface HoldNamespaceOptions {
  readonly config: Pick<Config, 'dataDir' | 'batches'>;
  readonly roles: Roles;
  readonly temporal: Pick<Temporal, 'connection' | 'namespace' | 'ownServer'>;
  readonly identity: Pick<StoreIdentity, 'id'>;
  /** Called once the namespace is another's: this process must not go on. */
  readonly onFatal: (reason: string) => void;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Milliseconds between looks at whose the namespace is. Default 5,000. */
  readonly lookEveryMs?: number;
}

/** A namespace that this process may use. */
export interface NamespaceHold {
  /** The store that the namespace's batches are in, as Temporal says now. */
  readonly boundStore: BoundStore;
  /** Ends the looks. The namespace stays the data directory's. */
  stop(): void;
}

const LOOK_EVERY_MS = 5_000;

/**
 * Claims the namespace for the data directory of a process, see {@link claimNamespace}, and looks now and then whether it is
 * still so: one that has been taken over must not work on what is another's.
 * @throws HeadgateError `NAMESPACE_IN_USE`, `ENGINE_UNAVAILABLE`, `FILE_UNREADABLE`, `BATCH_STORE_REFUSED`
 */
export async function holdNamespace(options: HoldNamespaceOptions): Promise<NamespaceHold> {
  const { temporal, log, onFatal, lookEveryMs = LOOK_EVERY_MS } = options;
  const client = ownClient({ connection: temporal.connection, namespace: temporal.namespace });
  const who = await claimantOf(options);
  await claimNamespace(client, who, log);
  const look = async (): Promise<void> => {
    const claim = await readNamespaceClaim(client);
    if (claim === undefined) {
      if (who.mayShare || !(await startNamespaceClaim(client, ownerOf(who)))) return;
      log.warn('NAMESPACE_CLAIMED_AGAIN', { namespace: who.namespace });
      return;
    }
    const lost = problemOf(claim.owner, who) ?? lostToCopy(claim.owner, who);
    if (lost === undefined) return;
    clearInterval(looking);
    // Said at once: to stop may take a while.
    log.error('NAMESPACE_LOST', { code: lost.code, reason: lost.message });
    onFatal(`${lost.message} [${lost.code}]`);
  };
  let isLooking = false;
  const looking = setInterval(() => {
    // A look that takes longer than the rest goes on alone: what two of them find would be told twice.
    if (isLooking) return;
    isLooking = true;
    // A Temporal that does not answer says nothing of whose the namespace is.
    void look()
      .catch(() => undefined)
      .finally(() => (isLooking = false));
  }, lookEveryMs).unref();
  return {
    boundStore: async () => (await readNamespaceClaim(client))?.owner.store || undefined,
    stop: () => clearInterval(looking),
  };
}

async function claimantOf(options: HoldNamespaceOptions): Promise<Claimant> {
  const { config, roles, temporal, identity, log } = options;
  return {
    namespace: temporal.namespace,
    directory: await openDataDirectory(config.dataDir),
    store: await storeIdOf(identity, log),
    ownsSpool: roles.api,
    mayShare: roles.api && !roles.worker && config.batches !== undefined,
    ownServer: temporal.ownServer,
  };
}

async function storeIdOf(
  identity: Pick<StoreIdentity, 'id'>,
  log: Pick<Logger, 'warn'>,
): Promise<string | undefined> {
  try {
    return await identity.id();
  } catch (error) {
    if (!(error instanceof HeadgateError && error.code === 'BATCH_STORE_UNAVAILABLE')) throw error;
    log.warn('BATCH_STORE_UNIDENTIFIED', { reason: messageOf(error) });
    return undefined;
  }
}
