import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { messageOf } from '../errors.js';
import { isLocked, tryLockFile, type FileLock } from '../platform/file-lock.js';
import type { Logger } from '../platform/logger.js';
import { ownIdentity } from '../platform/own-identity.js';
import { giveBackStarted, giveBackTokens } from './give-back.js';
import { readJournal, TaskJournal, type HeldTasks } from './journal.js';

/** What {@link openHoldings} needs. */
export interface HoldingsOptions {
  /** Has a directory for each process that uses the data directory. */
  readonly root: string;
  readonly client: Client;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** What this process holds of Temporal's tasks, written down for the process that comes after it. */
export interface Holdings extends HeldTasks {
  /** How Temporal is to know this process: no other has had this name. */
  readonly identity: string;
  /** Forgets all of it; to be called when Workers and consumers have let go of what they had. */
  close(): Promise<void>;
}

const NAME = /^[0-9a-f]{16}$/;
const LOCK = 'lock';

/**
 * Gives back what processes on this data directory held when they were killed, and begins to write down what this one
 * holds. To be called before its Workers and consumers ask for tasks. Several processes may use the directory at once:
 * each has a directory of its own in `root`, locked while it lives, and only what nobody has locked was left behind.
 *
 * A process that nobody comes after on its data directory, or whose disk took no journal, is missed by Temporal itself,
 * 30 s after its last sign of life.
 */
export async function openHoldings({ root, client, log }: HoldingsOptions): Promise<Holdings> {
  const name = randomBytes(8).toString('hex');
  const identity = ownIdentity(`${process.pid}@${hostname()}/${name}`);
  const journal = openJournal(join(root, name), identity, log);
  const stopping = new AbortController();
  const searches: Promise<unknown>[] = [];
  for (const { directory, lock } of lockLeftBehind(root, name)) {
    const dead = readJournal(directory);
    const given = await giveBackTokens(client, dead.taskTokens);
    rmSync(directory, { recursive: true, force: true });
    lock.leave();
    log.info('TASKS_GIVEN_BACK', { process: dead.identity, tasks: given.tasks, untold: given.untold });
    // What it had not written down does not hold up the start.
    if (dead.identity !== undefined) searches.push(giveBackStarted(client, dead.identity, stopping.signal));
  }
  return {
    identity,
    taken: (token) => journal?.taken(token),
    ended: (token) => journal?.ended(token),
    close: async () => {
      stopping.abort();
      await Promise.all(searches);
      journal?.close();
    },
  };
}

/** How many processes use the data directory now; see {@link openHoldings}. Those that wrote nothing down are not counted. */
export function countProcesses(root: string): number {
  return namesIn(root).filter((name) => NAME.test(name) && isLocked(join(root, name, LOCK))).length;
}

/** Undefined when the disk does not take it: the process then does without. */
function openJournal(
  directory: string,
  identity: string,
  log: Pick<Logger, 'warn'>,
): Pick<TaskJournal, 'taken' | 'ended' | 'close'> | undefined {
  const onFailure = (error: unknown): void => log.warn('TASKS_NOT_WRITTEN', { reason: messageOf(error) });
  try {
    const lock = tryLockFile(join(directory, LOCK));
    if (lock === undefined) throw new Error(`another process has ${directory}`);
    const journal = new TaskJournal({ directory, identity, onFailure });
    return {
      taken: (token) => journal.taken(token),
      ended: (token) => journal.ended(token),
      close: () => {
        journal.close();
        rmSync(directory, { recursive: true, force: true });
        lock.leave();
      },
    };
  } catch (error) {
    onFailure(error);
    return undefined;
  }
}

/** Directories of processes that have ended without removing them, now locked by this one. */
function* lockLeftBehind(root: string, own: string): Generator<{ directory: string; lock: FileLock }> {
  for (const name of namesIn(root)) {
    if (name === own || !NAME.test(name)) continue;
    const directory = join(root, name);
    const lock = lockOf(directory);
    if (lock !== undefined) yield { directory, lock };
  }
}

function namesIn(root: string): string[] {
  try {
    return readdirSync(root);
  } catch {
    return [];
  }
}

/** Undefined while its process lives, and where the disk takes no lock. */
function lockOf(directory: string): FileLock | undefined {
  try {
    return tryLockFile(join(directory, LOCK));
  } catch {
    return undefined;
  }
}
