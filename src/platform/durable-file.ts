import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCodeOf } from '../errors.js';

/** Ends the name of a file that is being written; readers pass over such files. */
export const TEMPORARY = '.tmp';

/**
 * Makes a file that is there completely and durably, or not at all. `produce` writes it under a temporary name in the
 * same directory, which is made if need be; it is flushed, renamed, and the directory flushed, for a rename is durable
 * only with its directory. A crash before the rename leaves the temporary file.
 */
export async function writeDurably(
  path: string,
  produce: (temporary: string) => Promise<void>,
): Promise<void> {
  const directory = dirname(path);
  await makeDirectory(directory);
  const temporary = join(directory, `.${basename(path)}.${randomUUID()}${TEMPORARY}`);
  try {
    await produce(temporary);
    await flush(temporary, 'r+');
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await flushDirectory(directory);
}

/**
 * Makes a file as {@link writeDurably} does, unless there is one: of processes that do so at the same time, one makes it. What is
 * there is durable afterwards, also where another process has made it.
 * @returns whether it was this call
 */
export async function createDurably(
  path: string,
  produce: (temporary: string) => Promise<void>,
): Promise<boolean> {
  const directory = dirname(path);
  await makeDirectory(directory);
  const temporary = join(directory, `.${basename(path)}.${randomUUID()}${TEMPORARY}`);
  let made = true;
  try {
    await produce(temporary);
    await flush(temporary, 'r+');
    await link(temporary, path);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    made = false;
  } finally {
    await rm(temporary, { force: true });
  }
  await flushDirectory(directory);
  return made;
}

/** Creates a directory with its parents, flushing each directory that gets a new entry. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made))
    await flushDirectory(dirname(made));
}

/** Makes what was created or renamed in a directory last. Windows cannot flush a directory and does not need it. */
export async function flushDirectory(directory: string): Promise<void> {
  if (process.platform !== 'win32') await flush(directory, 'r');
}

async function flush(path: string, flags: 'r' | 'r+'): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
