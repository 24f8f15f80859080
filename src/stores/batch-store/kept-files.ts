import { lstat, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeDurably } from '../../platform/durable-file.js';
import { systemCodeOf } from '../../errors.js';
import { readTextIfThere } from '../../platform/read-if-there.js';
import { assertTenantId, dayOfBatch } from '../../tenants/ids.js';
import type { Stream, BatchName } from '../../events/event.js';
import { batchIdOfFile } from './batch-path.js';
import type { BatchRange } from './batch-store.js';
import { isDayName } from '../../platform/time.js';

/** The days of which a stream has a directory, ascending. Symbolic links are passed over: what they point at is not this tenant's. */
export async function listDays(root: string, tenant: string, stream: Stream): Promise<string[]> {
  const ofTenant = join(root, assertTenantId(tenant));
  if (!((await isDirectory(ofTenant)) && (await isDirectory(join(ofTenant, stream))))) return [];
  const entries = await entriesOf(join(ofTenant, stream));
  return entries
    .filter((entry) => entry.isDirectory() && isDayName(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** The batches of a range in the order of their ids; of one day at a time, since a week of them may be many. */
export async function* listBatches(root: string, range: BatchRange): AsyncIterable<BatchName> {
  const { tenant, stream, from = '', to = '9', after = '' } = range;
  const first = after === '' ? from : later(from, dayOfBatch(after));
  for (const day of await listDays(root, tenant, stream)) {
    if (day < first || day > to) continue;
    for (const batchId of await batchesOf(join(root, tenant, stream, day), day))
      if (batchId > after) yield { tenant, stream, batchId };
  }
}

/** Deletes a file and, where it was the last one, its directory. */
export async function deleteFile(path: string): Promise<void> {
  await rm(path, { force: true });
  // Not empty, or removed by somebody else: both are as they should be.
  await rmdir(dirname(path)).catch(() => undefined);
}

/** Deletes a tenant's directory, but for a file of one name in it. */
export async function deleteTenant(root: string, tenant: string, except?: string): Promise<void> {
  const directory = join(root, assertTenantId(tenant));
  if (!(await isDirectory(directory))) return;
  for (const { name } of await entriesOf(directory))
    if (name !== except) await rm(join(directory, name), { recursive: true, force: true });
  // Not empty: the file that stays.
  await rmdir(directory).catch(() => undefined);
}

/** The last day up to which a tenant's batches have been deleted. */
export async function readDeletedThrough(root: string, tenant: string): Promise<string | undefined> {
  const day = (await readTextIfThere(deletedFile(root, tenant)))?.trim();
  return day !== undefined && isDayName(day) ? day : undefined;
}

/** Notes it; a day before the one that is noted changes nothing. */
export async function noteDeletedThrough(root: string, tenant: string, day: string): Promise<void> {
  const known = await readDeletedThrough(root, tenant);
  if (known !== undefined && known >= day) return;
  await writeDurably(deletedFile(root, tenant), (temporary) => writeFile(temporary, `${day}\n`));
}

/** Beside the directories of the tenant's streams. */
function deletedFile(root: string, tenant: string): string {
  return join(root, assertTenantId(tenant), 'deleted-through');
}

async function batchesOf(directory: string, day: string): Promise<string[]> {
  const files = (await entriesOf(directory)).filter((entry) => entry.isFile());
  return files.flatMap(({ name }) => batchIdOfFile(day, name) ?? []).sort();
}

async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function later(left: string, right: string): string {
  return left > right ? left : right;
}
