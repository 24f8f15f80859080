import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { Client } from '@temporalio/client';
import pRetry from 'p-retry';
import {
  readNamespaceClaim,
  replaceNamespaceClaim,
  startNamespaceClaim,
  type NamespaceClaim,
  type NamespaceOwner,
} from '../temporal/namespace-owner.js';
import { HeadgateError, retryable } from '../errors.js';
import { isLocked } from '../platform/file-lock.js';
import type { Logger } from '../platform/logger.js';
import { spoolLockPath } from '../ingest/spool-lock.js';
import { readDirectoryId, type DataDirectory } from './data-directory.js';
import { dataPaths } from './stores.js';

/** A process, as far as it matters for whose namespace it is. */
export interface Claimant {
  readonly namespace: string;
  readonly directory: DataDirectory;
  /** The id of its batch store; undefined while a bucket does not answer. */
  readonly store?: string;
  /** True where it holds the spool of its directory: it says where the directory is, and which batch store it has. */
  readonly ownsSpool: boolean;
  /** True for an API without Workers whose batches are in a bucket: it may use the namespace of another with that bucket. */
  readonly mayShare: boolean;
  /** True for the development server in the data directory: nobody else's can be in it. */
  readonly ownServer: boolean;
}

/** How long is asked again until a new namespace is known to all parts of its server. */
export const UNTIL_KNOWN = { retries: 6, minTimeout: 200, factor: 2 } as const;

/**
 * Claims the namespace for a data directory, or finds that it is its already. The claim is kept in Temporal and goes with the
 * directory's id: one that was moved, restored or mounted elsewhere goes on. A copy is refused while its original is in use on
 * this host; on another host that cannot be told, and the one that was started last has the namespace.
 * @throws HeadgateError `NAMESPACE_IN_USE`: it is another's, or the batches are in another store; `ENGINE_UNAVAILABLE`
 */
export async function claimNamespace(
  client: Client,
  who: Claimant,
  log: Pick<Logger, 'info'>,
): Promise<void> {
  await untilSettled(client, async (current) => {
    if (current === undefined) return who.mayShare || startNamespaceClaim(client, ownerOf(who));
    if (who.ownServer && who.ownsSpool) {
      return isAsKept(current.owner, who) || replaceNamespaceClaim(client, current, ownerOf(who));
    }
    const problem = problemOf(current.owner, who) ?? (await copyProblem(current.owner, who));
    if (problem !== undefined) throw problem;
    const { host, path, directory } = current.owner;
    if (!who.ownsSpool || directory !== who.directory.id || isAsKept(current.owner, who)) return true;
    log.info('DATA_DIRECTORY_MOVED', { from: { host, path } });
    return replaceNamespaceClaim(client, current, ownerOf(who));
  });
}

/**
 * Takes a namespace over from any owner.
 * @returns whose it was; undefined when it was nobody's
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function takeNamespaceOver(client: Client, who: Claimant): Promise<NamespaceOwner | undefined> {
  let before: NamespaceOwner | undefined;
  await untilSettled(client, async (current) => {
    // At the first look: in between it may be another's for a moment that takes it over as well.
    before ??= current?.owner;
    if (current === undefined) return startNamespaceClaim(client, ownerOf(who));
    return isAsKept(current.owner, who) || replaceNamespaceClaim(client, current, ownerOf(who));
  });
  return before;
}

/** Why a process may not use a namespace of this owner; undefined where it may. */
export function problemOf(owner: NamespaceOwner, who: Claimant): HeadgateError | undefined {
  const { directory, store } = who;
  const sameStore = store === undefined || owner.store === '' || owner.store === store;
  if (who.mayShare && sameStore) return undefined;
  if (owner.directory !== directory.id) return inUse(owner, who);
  // The spool's owner decides where batches are; any other process has to follow it.
  if (who.ownsSpool || sameStore) return undefined;
  return new HeadgateError(
    'NAMESPACE_IN_USE',
    `The batches of namespace "${who.namespace}" are in batch store ${named(owner.store)}, and this process has ${store}. Give it the HEADGATE_BATCHES of the node that owns the data directory, and start that one first; or: headgate namespace claim --force`,
  );
}

/**
 * Why the owner of a spool has lost its namespace to a copy of its directory; undefined while it has not. Nobody else can own
 * the spool of this very directory meanwhile.
 */
export function lostToCopy(owner: NamespaceOwner, who: Claimant): HeadgateError | undefined {
  const { id, host, path } = who.directory;
  if (!who.ownsSpool || owner.directory !== id || (owner.host === host && owner.path === path))
    return undefined;
  return new HeadgateError(
    'NAMESPACE_IN_USE',
    `A copy of this data directory, ${named(owner.path)} on host ${named(owner.host)}, was started and has namespace "${who.namespace}" now. Stop one of the two for good, or give it a namespace of its own by TEMPORAL_NAMESPACE.`,
  );
}

function inUse(owner: NamespaceOwner, { namespace, directory }: Claimant): HeadgateError {
  return new HeadgateError(
    'NAMESPACE_IN_USE',
    `Namespace "${namespace}" belongs to the data directory ${named(owner.path)} on host ${named(owner.host)}, and this is ${directory.path} on host ${directory.host}. Give this one a namespace of its own by TEMPORAL_NAMESPACE; if the other one is gone, or shall not have it any more: headgate namespace claim --force`,
  );
}

/** A copy has the id of its original. On the same host the original can be looked at: it lives while its spool is locked. */
async function copyProblem(owner: NamespaceOwner, who: Claimant): Promise<HeadgateError | undefined> {
  const { host, path, id } = who.directory;
  if (who.ownServer || owner.host !== host || owner.path === path || !isAbsolute(owner.path))
    return undefined;
  const original = await readDirectoryId(owner.path).catch(() => undefined);
  if (original !== id || (await isSameDirectory(owner.path, path))) return undefined;
  if (!isLocked(spoolLockPath(dataPaths(owner.path).spool))) return undefined;
  return new HeadgateError(
    'NAMESPACE_IN_USE',
    `This data directory (${path}) is a copy of ${named(owner.path)}, which is in use and has namespace "${who.namespace}". Stop that one first, or give the copy a namespace of its own by TEMPORAL_NAMESPACE.`,
  );
}

async function isSameDirectory(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(left), stat(right)]);
  return a.ino === b.ino && a.dev === b.dev;
}

/** Looks and acts until the action has gone through: when it has not, another process was faster, and it is looked at again. */
async function untilSettled(
  client: Client,
  act: (current: NamespaceClaim | undefined) => Promise<boolean>,
): Promise<void> {
  const attempt = async (): Promise<boolean> => act(await readNamespaceClaim(client));
  const shouldRetry = ({ error }: { error: Error }): boolean =>
    !(error instanceof HeadgateError) || error.retryable;
  while (!(await pRetry(() => attempt().catch(retryable), { ...UNTIL_KNOWN, shouldRetry })));
}

/** What a process writes down when it claims a namespace. */
export function ownerOf({ directory, store = '' }: Claimant): NamespaceOwner {
  const { id, host, path } = directory;
  return { directory: id, host, path, store, since: new Date().toISOString() };
}

function isAsKept(owner: NamespaceOwner, { directory, store = owner.store }: Claimant): boolean {
  const { id, host, path } = directory;
  return owner.directory === id && owner.host === host && owner.path === path && owner.store === store;
}

/** Anyone who may start workflows in the namespace may have written it: it must not reach a terminal as a command. */
function named(text: string): string {
  return text === '' ? 'unknown' : text.replace(/\p{C}/gu, '?').slice(0, 300);
}
