import { randomBytes } from 'node:crypto';
import { chmod, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createDurably } from '../platform/durable-file.js';
import { HeadgateError, systemCodeOf } from '../errors.js';

/** A data directory, and where it is now. */
export interface DataDirectory {
  /** 16 hex digits, made by chance when it is new. It goes with the directory when that is moved, restored or copied. */
  readonly id: string;
  readonly host: string;
  /** Absolute, without symbolic links. */
  readonly path: string;
}

/** Says in a data directory which one it is. */
const ID_FILE = 'directory.json';

/**
 * The data directory at a path; made if it is not there, and given an id if it has none.
 * @throws HeadgateError `FILE_UNREADABLE`: its id cannot be read
 */
export async function openDataDirectory(dataDir: string): Promise<DataDirectory> {
  const made = `${JSON.stringify({ id: randomBytes(8).toString('hex') })}\n`;
  const id =
    (await readDirectoryId(dataDir)) ??
    (await createDurably(join(dataDir, ID_FILE), (temporary) => writeFile(temporary, made)),
    await readDirectoryId(dataDir));
  if (id === undefined) throw unreadable(dataDir);
  return { id, host: hostname(), path: await realpath(dataDir) };
}

/** Bits of a mode that give others access. */
const OTHERS = 0o077;

/** Whether others than its owner can look into a data directory; undefined where it is not there, or has no modes. */
export async function isOpenToOthers(dataDir: string): Promise<boolean | undefined> {
  if (process.platform === 'win32') return undefined;
  try {
    return ((await stat(dataDir)).mode & OTHERS) !== 0;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Closes a data directory to others than its owner, and with it all it holds; what Headgate writes is closed by its umask,
 * but a directory of an earlier version, or one that was made for it, may be open.
 * @returns false when it stays open, since it belongs to somebody else
 */
export async function closeToOthers(dataDir: string): Promise<boolean> {
  if ((await isOpenToOthers(dataDir)) !== true) return true;
  try {
    await chmod(dataDir, (await stat(dataDir)).mode & 0o700);
    return true;
  } catch (error) {
    if (['EPERM', 'EROFS', 'EACCES'].includes(systemCodeOf(error) ?? '')) return false;
    throw error;
  }
}

/**
 * The id of a data directory. Undefined where it has none, or there is no directory.
 * @throws HeadgateError `FILE_UNREADABLE`
 */
export async function readDirectoryId(dataDir: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(join(dataDir, ID_FILE), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
  const id = idIn(text);
  if (id !== undefined) return id;
  throw unreadable(dataDir);
}

function idIn(text: string): string | undefined {
  try {
    const { id } = JSON.parse(text) as { id?: unknown };
    return typeof id === 'string' && /^[0-9a-f]{16}$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function unreadable(dataDir: string): HeadgateError {
  const text = `${join(dataDir, ID_FILE)}, which says which data directory this is, cannot be read. Restore it from a backup; without one delete it, and take the namespace over: headgate namespace claim --force`;
  return new HeadgateError('FILE_UNREADABLE', text);
}
