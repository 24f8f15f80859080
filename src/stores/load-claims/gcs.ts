import { STREAMS } from '../../events/event.js';
import type { GcsPlace } from '../gcs/place.js';
import { GcsObjects } from '../gcs/gcs-objects.js';
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

const MAX_RESULTS = 1_000;

/** Claims in the bucket of the batches: `gs://<bucket>/<prefix>/<tenant>/load-claims/<stream>/<day>/<name>.json`. */
export function createGcsLoadClaims({ bucket, prefix, endpoint }: GcsPlace): LoadClaims {
  const objects = new GcsObjects(bucket, endpoint);
  const root = prefix === '' ? '' : `${prefix}/`;
  const known = rememberedClaims();

  /** The objects of a tenant's claims from a day on, their names as claims, and when they were written. */
  async function* claimObjects({
    tenant,
    stream,
    from,
  }: ClaimRange): AsyncIterable<[string, string, number]> {
    const directory = `${root}${streamParts(tenant, stream).join('/')}/`;
    const query = { prefix: directory, startOffset: directory + from, maxResults: MAX_RESULTS };
    for await (const { names, times } of objects.pages(query)) {
      for (const [index, objectName] of names.entries()) {
        const [day = '', fileName = '', ...rest] = objectName.slice(directory.length).split('/');
        const name = isDayName(day) && rest.length === 0 ? claimNameOf(fileName) : undefined;
        if (name !== undefined) yield [objectName, name, times[index] ?? Number.NaN];
      }
    }
  }

  const readClaim = async (objectName: string) => {
    const claim = known.get(objectName) ?? decodeOf(objectName, await objects.read(objectName));
    if (claim !== undefined) known.set(objectName, claim);
    return claim;
  };

  return {
    claim: async (place, claim) => {
      const objectName = root + claimParts(place).join('/');
      await objects.write(objectName, encodeClaim(claim));
      const there = await readClaim(objectName);
      if (there === undefined)
        throw new Error(`the claim ${objectName} was deleted as soon as it was written`);
      return there;
    },
    list: async (range) => {
      const found: NamedClaim[] = [];
      for await (const [objectName, name] of claimObjects(range)) {
        const claim = await readClaim(objectName);
        if (claim !== undefined) found.push({ name, ...claim });
      }
      return found;
    },
    times: async (range) => {
      const found: number[] = [];
      for await (const [, name, time] of claimObjects(range))
        if (!name.endsWith(STREAM_ENDING)) found.push(time);
      return found;
    },
    deleteThrough: async (tenant, isOver) => {
      for (const stream of STREAMS)
        await deleteIn(objects, `${root}${streamParts(tenant, stream).join('/')}/`, isOver);
    },
  };
}

async function deleteIn(
  objects: GcsObjects,
  directory: string,
  isOver: (day: string) => boolean,
): Promise<void> {
  for await (const { names } of objects.pages({ prefix: directory, maxResults: MAX_RESULTS })) {
    for (const objectName of names) {
      const [day = ''] = objectName.slice(directory.length).split('/');
      // They are listed in the order of their days.
      if (!isDayName(day) || !isOver(day)) return;
      await objects.remove(objectName);
    }
  }
}

function decodeOf(objectName: string, bytes: Buffer | undefined) {
  return bytes && decodeClaim(objectName, bytes);
}
