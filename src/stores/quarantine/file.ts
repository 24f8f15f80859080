import { readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { writeDurably } from '../../platform/durable-file.js';
import { HeadgateError } from '../../errors.js';
import { readTextIfThere } from '../../platform/read-if-there.js';
import { assertBatchId, assertTenantId, dayOfBatch, isBatchId } from '../../tenants/ids.js';
import type { BatchName } from '../../events/event.js';
import { listDays } from '../batch-store/kept-files.js';
import type { LostEvents, Quarantine } from './quarantine.js';

const LOST = 'lost.json';
const START = 'start.json';
/** No tenant has this name. */
const UNATTRIBUTED = '_unattributed';

/**
 * Quarantine in a local directory: `<root>/<tenant>/<stream>/<day>/<batchId>/` has `chunk-<seq>.record`, `lost.json` and
 * `start.json`; `<root>/_unattributed/` what belongs to nobody. Each file is there whole or not at all.
 */
export function createFileQuarantine(root: string): Quarantine {
  const keep = (path: string, content: Buffer | string): Promise<void> =>
    writeDurably(path, (temporary) => writeFile(temporary, content));
  return {
    placeOf: (name) => join(basename(root), partsOf(name)),
    keepRecord: (name, seq, record) => keep(join(root, partsOf(name), `chunk-${seq}.record`), record),
    noteLost: (name, lost) => keep(join(root, partsOf(name), LOST), JSON.stringify(lost)),
    lost: async (name) => {
      const text = await readTextIfThere(join(root, partsOf(name), LOST));
      return text === undefined ? undefined : (JSON.parse(text) as LostEvents);
    },
    listLost: (range) => listLost(root, range),
    keepStart: (name, input) => keep(join(root, partsOf(name), START), input),
    start: async (name) => {
      const input = await readTextIfThere(join(root, partsOf(name), START));
      if (input !== undefined) return input;
      throw new HeadgateError('NOT_FOUND', `What batch ${name.batchId} was to start with is gone.`);
    },
    keepUnattributed: async (node, seq, record) => {
      // With a checksum: a number of which nothing is left may be given again.
      const file = join(UNATTRIBUTED, `${node}-${seq}-${crc32(record).toString(16)}.record`);
      await keep(join(root, file), record);
      return join(basename(root), file);
    },
  };
}

async function* listLost(
  root: string,
  { tenant, stream, from = '', to = '9' }: Parameters<Quarantine['listLost']>[0],
): AsyncIterable<BatchName> {
  for (const day of await listDays(root, tenant, stream)) {
    if (day < from || day > to) continue;
    const entries = await readdir(join(root, tenant, stream, day), { withFileTypes: true });
    const ids = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    for (const batchId of ids.filter((id) => isBatchId(id) && dayOfBatch(id) === day).sort()) {
      const files = await readdir(join(root, tenant, stream, day, batchId));
      if (files.includes(LOST)) yield { tenant, stream, batchId };
    }
  }
}

/** Tenant and batch id are checked here, where they become part of a path. */
function partsOf({ tenant, stream, batchId }: BatchName): string {
  const id = assertBatchId(batchId);
  return join(assertTenantId(tenant), stream, dayOfBatch(id), id);
}
