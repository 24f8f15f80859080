import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { writeDurably } from '../../platform/durable-file.js';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import { STREAMS } from '../../events/event.js';
import { textLines } from '../../events/ndjson.js';
import { PRIORITY_KEYS } from '../../tenants/subscription.js';
import { assertCause } from '../../tenants/workflow-ids.js';
import { assertBatchId, assertSubscriptionName, assertTenantId, dayOfBatch } from '../../tenants/ids.js';
import type { DeliveryEntry, DeliveryLog, DeliveryName, LoggedDelivery } from './delivery-log.js';
import { namesIfThere } from '../../platform/read-if-there.js';

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);

const SUFFIX = '.ndjson.gz';
/** What follows stream and priority in the name of a file. */
const CAUSE_AND_PASS = /^(.+)\.\d+\.ndjson\.gz$/;

/**
 * The delivery log in a local directory, gzipped NDJSON:
 * `<root>/<tenant>/<subscription>/<day>/<batchId>/<stream>.<priority>.<cause or "first">.<pass>.ndjson.gz`.
 */
export function createFileDeliveryLog(root: string): DeliveryLog {
  return {
    write: async (name, pass, entries) => {
      const path = join(directoryOf(root, name), `${prefixOf(name)}${passNumber(pass)}${SUFFIX}`);
      const ndjson = entries.map((entry) => `${JSON.stringify(entry)}\n`);
      const gzipped = await gzipAsync(ndjson.join(''));
      await writeDurably(path, (temporary) => writeFile(temporary, gzipped)).catch(rethrow);
    },
    read: async (name) => {
      const directory = directoryOf(root, name);
      const passes = await passesIn(directory, prefixOf(name));
      const read = passes.map((pass) => readPass(join(directory, `${prefixOf(name)}${pass}${SUFFIX}`), pass));
      return (await Promise.all(read)).flat();
    },
    causes: async (name) => {
      const beginning = prefixOf(name).slice(0, -'first.'.length);
      const names = await namesIfThere(directoryOf(root, name));
      const own = names.filter((each) => each.startsWith(beginning));
      const causes = own.flatMap((each) => CAUSE_AND_PASS.exec(each.slice(beginning.length))?.[1] ?? []);
      return [...new Set(causes)].filter((cause) => cause !== 'first').sort();
    },
  };
}

/** The directory of a batch's deliveries to a subscription; what becomes part of a path is checked here, */
function directoryOf(root: string, { tenant, subscription, batchId }: DeliveryName): string {
  assertBatchId(batchId);
  const own = join(assertTenantId(tenant), assertSubscriptionName(subscription));
  return join(root, own, dayOfBatch(batchId), batchId);
}

/** and here. */
function prefixOf({ stream, priority = 'normal', cause }: DeliveryName): string {
  if (!STREAMS.includes(stream) || !Object.hasOwn(PRIORITY_KEYS, priority))
    throw new HeadgateError('NOT_FOUND', 'No delivery has this stream or priority.');
  return `${stream}.${priority}.${cause === undefined ? 'first' : assertCause(cause)}.`;
}

function passNumber(pass: number): number {
  if (Number.isSafeInteger(pass) && pass > 0) return pass;
  throw new HeadgateError('NOT_FOUND', 'No pass has this number.');
}

/** Passes that have a file, ascending. Causes may contain full stops, so that the rest of a name has to be a number. */
async function passesIn(directory: string, prefix: string): Promise<number[]> {
  return (await namesIfThere(directory))
    .filter((name) => name.startsWith(prefix) && name.endsWith(SUFFIX))
    .map((name) => name.slice(prefix.length, -SUFFIX.length))
    .filter((pass) => /^\d+$/.test(pass))
    .map(Number)
    .sort((left, right) => left - right);
}

async function readPass(path: string, pass: number): Promise<LoggedDelivery[]> {
  const lines = textLines(await gunzipAsync(await readFile(path)));
  return lines.map((line) => ({ pass, ...(JSON.parse(line) as DeliveryEntry) }));
}

function rethrow(error: unknown): never {
  if (systemCodeOf(error) !== 'ENOSPC') throw error;
  throw new HeadgateError('DISK_FULL', 'The delivery log has no room left.', {
    retryable: true,
    cause: error,
  });
}
