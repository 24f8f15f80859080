import { createHash } from 'node:crypto';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import { flushDirectory, makeDirectory, writeDurably } from '../../platform/durable-file.js';
import { faultPoint } from '../../platform/fault-point.js';
import { describeOwner, lockFile } from '../../platform/file-lock.js';
import { KeyedMutex } from '../../platform/keyed-mutex.js';
import { readIfThere, readTextIfThere } from '../../platform/read-if-there.js';
import { assertTenantId } from '../ids.js';

/** What may be done to a tenant. */
export const CHANGES = [
  'tenant-created',
  'tenant-replaced',
  'tenant-deleted',
  'subscription-created',
  'subscription-replaced',
  'subscription-deleted',
  'secret-made',
  'secret-rotated',
  'secret-revoked',
  'source-created',
  'source-replaced',
  'source-deleted',
  'source-key-made',
  'source-keys-rotated',
  'source-key-revoked',
] as const;

/** Who changes something, and why. */
export interface Author {
  /** The subject of a token, or a user of the node. */
  readonly by: string;
  readonly role: 'operator' | 'command';
  readonly reason?: string;
}

/** A change as it is asked for. */
export interface Change extends Author {
  readonly change: (typeof CHANGES)[number];
  /** Of the subscription, the secret or the source. */
  readonly name?: string;
  /** The version of the tenant's file from then on; absent where it is gone, and of secrets and sources. */
  readonly version?: string;
  /** The version before. */
  readonly replaces?: string;
}

/** A change that was made: a line of the tenant's history. */
export interface RecordedChange extends Change {
  /** Counts the changes of the tenant, from 1. */
  readonly number: number;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What a change writes: nothing in its place means that the file goes. */
export interface ChangedFile {
  readonly path: string;
  readonly content: string | undefined;
  /** Of the file; default: as any other. */
  readonly mode?: number;
}

/** A change that is being made; its file says whether it was. */
interface Pending {
  readonly recorded: RecordedChange;
  readonly path: string;
  /** Of what the file will hold; absent where it goes. */
  readonly hash?: string;
}

const HISTORY = 'changes.ndjson';
const PENDING = '.change.json';
/** No tenant can be called so. */
const LOCK = '.changes.lock';
/** Others hold it for some flushes. */
const LOCK_MS = 10_000;

/** The lock keeps out other processes; this, the same one. */
const turns = new KeyedMutex();

/**
 * Runs `work` while no other process, and nothing else in this one, changes a tenant.
 * @param versions the directory of tenants' versions, which has their histories as well
 * @throws HeadgateError `STATE_CONFLICT` (retryable): another holds it for long
 */
export function whileNobodyChanges<T>(versions: string, work: () => Promise<T>): Promise<T> {
  return turns.run(versions, async () => {
    const held = (owner: Parameters<typeof describeOwner>[0]): HeadgateError => {
      const message = `Tenants are being changed by ${describeOwner(owner)}; try again.`;
      return new HeadgateError('STATE_CONFLICT', message, { retryable: true });
    };
    const lock = await lockFile(join(versions, LOCK), { waitMs: LOCK_MS, held });
    try {
      return await work();
    } finally {
      lock.release();
    }
  });
}

/**
 * Makes a change and records it, to be called within {@link whileNobodyChanges}. What is about to be done is noted first,
 * then the file is written, then the line of the history: after a crash in between, the next look finds by the file
 * whether it was done, and completes the history. All of it is durable when this resolves.
 */
export async function makeChange(
  versions: string,
  tenant: string,
  { path, content, mode }: ChangedFile,
  change: Change,
): Promise<RecordedChange> {
  const directory = join(versions, assertTenantId(tenant));
  await settle(directory);
  const last = (await readHistory(directory)).at(-1);
  const recorded = { number: (last?.number ?? 0) + 1, at: new Date().toISOString(), ...change };
  const pending: Pending = { recorded, path, ...(content !== undefined && { hash: hashOf(content) }) };
  await writeDurably(join(directory, PENDING), (temporary) => writeFile(temporary, JSON.stringify(pending)));
  faultPoint('tenant-change.before');
  if (content === undefined) await removeDurably(path);
  else await writeDurably(path, (temporary) => writeFile(temporary, content, { mode }));
  faultPoint('tenant-change.after');
  await settle(directory);
  return recorded;
}

/** The changes that a tenant has had through Headgate, the first first. Files that were changed by hand have no line. */
export function listChanges(versions: string, tenant: string): Promise<RecordedChange[]> {
  const directory = join(versions, assertTenantId(tenant));
  return whileNobodyChanges(versions, async () => {
    await settle(directory);
    return readHistory(directory);
  });
}

/** Ends a change that was begun: by a line in the history if it was made, by none if it was not. */
async function settle(directory: string): Promise<void> {
  const pending = await readPending(directory);
  if (pending === undefined) return;
  const { recorded, path, hash } = pending;
  const there = await readIfThere(path);
  const isMade = hash === (there && hashOf(there));
  const isRecorded = (await readHistory(directory)).at(-1)?.number === recorded.number;
  if (isMade && !isRecorded) await append(join(directory, HISTORY), recorded);
  await rm(join(directory, PENDING), { force: true });
}

async function readPending(directory: string): Promise<Pending | undefined> {
  const text = await readTextIfThere(join(directory, PENDING));
  return text === undefined ? undefined : (JSON.parse(text) as Pending);
}

/** A line that a crash has cut is left out. */
async function readHistory(directory: string): Promise<RecordedChange[]> {
  const text = (await readTextIfThere(join(directory, HISTORY))) ?? '';
  return text.split('\n').flatMap((line) => {
    try {
      const read = JSON.parse(line) as Partial<RecordedChange>;
      return Number.isSafeInteger(read.number) ? [read as RecordedChange] : [];
    } catch {
      return [];
    }
  });
}

async function append(path: string, recorded: RecordedChange): Promise<void> {
  const before = await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  // After half a line, a new one begins.
  const start = before === undefined || before === '' || before.endsWith('\n') ? '' : '\n';
  const file = await open(path, 'a');
  try {
    await file.appendFile(`${start}${JSON.stringify(recorded)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  if (before === undefined) await flushDirectory(dirname(path));
}

async function removeDurably(path: string): Promise<void> {
  await makeDirectory(dirname(path));
  await rm(path, { force: true });
  await flushDirectory(dirname(path));
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
