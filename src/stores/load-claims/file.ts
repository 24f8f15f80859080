import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDurably } from '../../platform/durable-file.js';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import { STREAMS } from '../../events/event.js';
import {
  claimNameOf,
  claimParts,
  decodeClaim,
  encodeClaim,
  rememberedClaims,
  streamParts,
} from './claim-file.js';
import { STREAM_ENDING, type ClaimRange, type LoadClaims, type NamedClaim } from './load-claims.js';
import { isDayName } from '../../platform/time.js';
import { namesIfThere } from '../../platform/read-if-there.js';

/** Claims in a local directory: `<root>/<tenant>/load-claims/<stream>/<day>/<name>.json`. */
export function createFileLoadClaims(root: string): LoadClaims {
  const known = rememberedClaims();

  /** The paths of a tenant's claims from a day on, and their names. */
  async function* claimFiles({
    tenant,
    stream,
    from,
  }: ClaimRange): AsyncIterable<[path: string, name: string]> {
    const directory = join(root, ...streamParts(tenant, stream));
    for (const day of (await namesIfThere(directory)).filter(isDayName).sort()) {
      if (day < from) continue;
      for (const fileName of await namesIfThere(join(directory, day))) {
        const name = claimNameOf(fileName);
        if (name !== undefined) yield [join(directory, day, fileName), name];
      }
    }
  }

  const readClaim = async (path: string) => {
    const claim = known.get(path) ?? decodeClaim(path, await readFile(path));
    known.set(path, claim);
    return claim;
  };

  return {
    claim: async (place, claim) => {
      const path = join(root, ...claimParts(place));
      await writeOnce(path, encodeClaim(claim));
      return readClaim(path);
    },
    list: async (range) => {
      const found: NamedClaim[] = [];
      for await (const [path, name] of claimFiles(range)) found.push({ name, ...(await readClaim(path)) });
      return found;
    },
    times: async (range) => {
      const found: number[] = [];
      for await (const [path, name] of claimFiles(range)) {
        if (name.endsWith(STREAM_ENDING)) continue;
        const there = await stat(path).catch(unlessGone);
        if (there !== undefined) found.push(there.mtimeMs);
      }
      return found;
    },
    deleteThrough: async (tenant, isOver) => {
      for (const stream of STREAMS) {
        const directory = join(root, ...streamParts(tenant, stream));
        for (const day of (await namesIfThere(directory)).filter((name) => isDayName(name) && isOver(name)))
          await rm(join(directory, day), { recursive: true, force: true });
      }
    },
  };
}

async function writeOnce(path: string, bytes: Buffer): Promise<void> {
  try {
    await createDurably(path, (temporary) => writeFile(temporary, bytes));
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOSPC') throw error;
    const message = 'There is no room on this disk to note what is loaded.';
    throw new HeadgateError('DISK_FULL', message, { retryable: true, cause: error });
  }
}

function unlessGone(error: unknown): undefined {
  if (systemCodeOf(error) !== 'ENOENT') throw error;
}
