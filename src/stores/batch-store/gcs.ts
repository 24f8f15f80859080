import { randomUUID } from 'node:crypto';
import type { BatchRef, BatchName } from '../../events/event.js';
import { assertTenantId, dayOfBatch } from '../../tenants/ids.js';
import { batchIdOfFile, batchPathParts } from './batch-path.js';
import type { BatchRange, BatchStore, WriteOptions } from './batch-store.js';
import { copyFiles } from './copies.js';
import { Downloads } from './downloads.js';
import { MAX_RACES, racedError } from '../gcs/gcs-errors.js';
import { GcsObjects } from '../gcs/gcs-objects.js';
import type { GcsPlace } from '../gcs/place.js';
import { goneError, keptInstead, openFile, openUnlessLost, readFileOf, refOf } from './gzip.js';
import { UNSEALED, type Seal } from './seal.js';
import { signHeader } from './signed-header.js';
import { isDayName } from '../../platform/time.js';

const DELETED_AT_ONCE = 20;

/** What {@link createGcsBatchStore} needs. */
export interface GcsBatchStoreOptions extends GcsPlace {
  /** Directory for copies that engines read; made when the first one is. */
  readonly downloads: string;
  /** Objects listed by one request. Default 1,000. */
  readonly pageSize?: number;
  /** Default: files are kept as they are. */
  readonly seal?: Seal;
}

/** A batch store that can be out of reach. */
export interface RemoteBatchStore extends BatchStore {
  /**
   * Checks that the store can be reached, written, read, listed and deleted from; leaves nothing behind.
   * @throws HeadgateError `BATCH_STORE_REFUSED` (says what to do), `BATCH_STORE_UNAVAILABLE`
   */
  check(): Promise<void>;
}

/**
 * Batch files in Google Cloud Storage, `gs://<bucket>/<prefix>/<tenant>/<stream>/<day>/<batchId>.ndjson.gz`. An object is
 * there whole or not at all; that it is written once is left to preconditions on its version. Any of its functions may
 * throw HeadgateError `BATCH_STORE_UNAVAILABLE` or `BATCH_STORE_REFUSED`, both retryable.
 */
export function createGcsBatchStore(options: GcsBatchStoreOptions): RemoteBatchStore {
  const { bucket, prefix, endpoint, pageSize = 1_000, seal = UNSEALED } = options;
  const objects = new GcsObjects(bucket, endpoint);
  const downloads = new Downloads(options.downloads);
  const root = prefix === '' ? '' : `${prefix}/`;
  const nameOf = (name: BatchName): string => `${root}${batchPathParts(name).join('/')}`;
  const deletedName = (tenant: string): string => `${root}${assertTenantId(tenant)}/deleted-through`;
  const read = async (name: BatchName, objectName: string): Promise<Buffer | undefined> => {
    const bytes = await objects.read(objectName);
    return bytes && seal.open(name, bytes);
  };
  const readKept = async (name: BatchName): Promise<Buffer> => {
    const bytes = await read(name, nameOf(name));
    if (bytes === undefined) throw goneError(name.batchId);
    return bytes;
  };
  const open: BatchStore['open'] = async (name) => openFile(name, await readKept(name));
  return {
    open,
    write: async (name, gzipped, events, options = {}) =>
      write({ objects, seal, name, objectName: nameOf(name), options }, gzipped, events),
    read: async (ref) => readFileOf(ref, await readKept(ref)),
    localFiles: async (names, signal) => {
      const objectNames = names.map(nameOf);
      const readOf = (name: BatchName, index: number) => read(name, objectNames[index] as string);
      return copyFiles({ downloads, read: readOf, signal }, names);
    },
    list: (range) => list(objects, root, range, pageSize),
    ref: async (name) => (await open(name)).ref,
    days: async (tenant, stream) => daysIn(objects, `${root}${assertTenantId(tenant)}/${stream}/`, pageSize),
    delete: async (name) => objects.remove(nameOf(name)),
    deleteTenant: async (tenant, except) =>
      deleteAll(objects, `${root}${assertTenantId(tenant)}/`, except, pageSize),
    deletedThrough: async (tenant) => dayIn(await objects.read(deletedName(tenant))),
    noteDeleted: async (tenant, day) => noteDeleted(objects, deletedName(tenant), day),
    check: () => check(objects, `${root}.headgate-check-${randomUUID()}`),
  };
}

/** Where and how one batch is written. */
interface Target {
  readonly objects: GcsObjects;
  readonly seal: Seal;
  readonly name: BatchName;
  readonly objectName: string;
  readonly options: WriteOptions;
}

async function write(
  { objects, seal, name, objectName, options }: Target,
  gzipped: Buffer,
  events: number,
): Promise<BatchRef> {
  const signed = signHeader(name, gzipped);
  const sealed = await seal.seal(name, signed);
  let replaces: string | undefined;
  for (let races = 0; races < MAX_RACES; races++) {
    if (await objects.write(objectName, sealed, { replaces })) return refOf(name, signed, events);
    const kept = await objects.readVersion(objectName);
    const opened = kept && (await openUnlessLost(seal, name, kept.bytes));
    if (opened !== undefined) return keptInstead(opened, signed, options);
    replaces = kept?.generation;
  }
  throw racedError(`Batch file ${name.batchId}`);
}

async function* list(
  objects: GcsObjects,
  root: string,
  { tenant, stream, from = '', to = '9', after = '' }: BatchRange,
  maxResults: number,
): AsyncIterable<BatchName> {
  const directory = `${root}${assertTenantId(tenant)}/${stream}/`;
  const afterPath = `${dayOfBatch(after)}/${after}`;
  const startOffset = directory + (after !== '' && afterPath > from ? afterPath : from);
  // Names of the last day follow its name and a slash, and "0" is what follows a slash.
  const endOffset = `${directory}${to}0`;
  for await (const { names } of objects.pages({ prefix: directory, startOffset, endOffset, maxResults })) {
    for (const name of names) {
      const [day = '', fileName = '', ...rest] = name.slice(directory.length).split('/');
      const batchId = rest.length === 0 ? batchIdOfFile(day, fileName) : undefined;
      if (batchId !== undefined && batchId > after) yield { tenant, stream, batchId };
    }
  }
}

async function daysIn(objects: GcsObjects, directory: string, maxResults: number): Promise<string[]> {
  const days: string[] = [];
  for await (const { prefixes } of objects.pages({ prefix: directory, delimiter: '/', maxResults }))
    days.push(...prefixes.map((each) => each.slice(directory.length, -1)));
  return days.filter((day) => isDayName(day)).sort();
}

async function deleteAll(
  objects: GcsObjects,
  directory: string,
  except: string | undefined,
  maxResults: number,
): Promise<void> {
  for await (const { names } of objects.pages({ prefix: directory, maxResults })) {
    const gone = names.filter((name) => name !== `${directory}${except ?? ''}`);
    while (gone.length > 0)
      await Promise.all(gone.splice(0, DELETED_AT_ONCE).map((name) => objects.remove(name)));
  }
}

function dayIn(bytes: Buffer | undefined): string | undefined {
  const day = bytes?.toString('utf8').trim() ?? '';
  return isDayName(day) ? day : undefined;
}

async function noteDeleted(objects: GcsObjects, objectName: string, day: string): Promise<void> {
  for (let races = 0; races < MAX_RACES; races++) {
    const kept = await objects.readVersion(objectName);
    const known = dayIn(kept?.bytes);
    if (known !== undefined && known >= day) return;
    if (await objects.write(objectName, Buffer.from(`${day}\n`), { replaces: kept?.generation })) return;
  }
  throw racedError('The note of what is deleted');
}

async function check(objects: GcsObjects, name: string): Promise<void> {
  await objects.authenticate();
  await objects.write(name, Buffer.from('Headgate has checked that it can write here.\n'));
  await objects.read(name);
  for await (const page of objects.pages({ prefix: name, maxResults: 1 })) void page;
  await objects.remove(name);
}
