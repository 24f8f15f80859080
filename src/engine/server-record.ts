import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCodeOf } from '../errors.js';
import { currentProcess, isRunning, isSameProcess, type ProcessIdentity } from '../process-identity.js';

/** A development server as its owner wrote it down beside the database file. */
export interface RunningServer {
  readonly process: ProcessIdentity;
  /** `host:port` of its gRPC service. */
  readonly address: string;
  readonly uiUrl: string;
}

/** The file `<database>.server.json`: who may run a server on the database, and which server that is. */
export interface ServerRecord {
  /** The Headgate process that started, or is about to start, the server. */
  readonly owner: ProcessIdentity;
  /** Absent while the owner is starting it. */
  readonly server?: RunningServer;
}

/** What the record of a database says about it. */
export type ServerState =
  /** Nobody has a server on it, and a record left by the dead is gone. */
  | { readonly kind: 'none' }
  /** Its owner lives; the server runs or is being started or stopped. */
  | { readonly kind: 'owned'; readonly server?: RunningServer }
  /** Its owner is dead; the server still runs. */
  | { readonly kind: 'orphaned'; readonly server: RunningServer };

/** An unreadable record older than this is not being written any more: a power cut has truncated it. */
const WRITTEN_WITHIN_MS = 10_000;

/**
 * Says who has a server on this database file. Two processes that find the same dead record in the same instant could
 * both go on; the ports, checked next, then decide between them.
 */
export function serverStateOf(dbFile: string): ServerState {
  const record = readRecord(dbFile);
  if (record === 'none') return { kind: 'none' };
  if (record === 'unreadable') return { kind: 'owned' };
  const server = record.server !== undefined && isRunning(record.server.process) ? record.server : undefined;
  if (isRunning(record.owner)) return { kind: 'owned', server };
  if (server !== undefined) return { kind: 'orphaned', server };
  rmSync(recordPath(dbFile), { force: true });
  return { kind: 'none' };
}

/**
 * Claims the right to run a server on the database; the file's exclusive creation decides between two that try at once.
 * @returns false when another has it
 */
export function claimRecord(dbFile: string): boolean {
  mkdirSync(dirname(dbFile), { recursive: true });
  const record: ServerRecord = { owner: currentProcess() };
  try {
    writeFileSync(recordPath(dbFile), JSON.stringify(record), { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Writes down the server that was started under the claim. */
export function writeRecord(dbFile: string, server: RunningServer): void {
  const record: ServerRecord = { owner: currentProcess(), server };
  const path = recordPath(dbFile);
  writeFileSync(`${path}.new`, JSON.stringify(record));
  renameSync(`${path}.new`, path);
}

/** Gives the claim back, if this process has it. */
export function releaseRecord(dbFile: string): void {
  const record = readRecord(dbFile);
  if (typeof record === 'object' && isSameProcess(record.owner, currentProcess())) {
    rmSync(recordPath(dbFile), { force: true });
  }
}

function recordPath(dbFile: string): string {
  return `${dbFile}.server.json`;
}

function readRecord(dbFile: string): ServerRecord | 'none' | 'unreadable' {
  const path = recordPath(dbFile);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ServerRecord;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 'none';
    if (!(error instanceof SyntaxError)) throw error;
  }
  const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - written < WRITTEN_WITHIN_MS) return 'unreadable';
  rmSync(path, { force: true });
  return 'none';
}
