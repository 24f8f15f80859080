import { isTenantId } from '../../tenants/ids.js';
import type { GcsPlace } from '../gcs/place.js';
import { GcsObjects } from '../gcs/gcs-objects.js';
import { keyPathParts, type KeyFiles, type KeyOwner } from './key-file.js';

const JSON_TYPE = 'application/json';

/**
 * Key files as objects of the bucket that has the batches; that one is created once, and replaced by a process that has
 * read it, is left to preconditions.
 */
export function createGcsKeyFiles({ bucket, prefix, endpoint }: GcsPlace): KeyFiles {
  const objects = new GcsObjects(bucket, endpoint);
  const root = prefix === '' ? '' : `${prefix}/`;
  const nameOf = (owner: KeyOwner): string => `${root}${keyPathParts(owner).join('/')}`;
  return {
    read: async (owner) => objects.read(nameOf(owner)),
    readVersion: async (owner) => {
      const kept = await objects.readVersion(nameOf(owner));
      return kept && { bytes: kept.bytes, version: kept.generation };
    },
    create: async (owner, bytes) => objects.write(nameOf(owner), bytes, { contentType: JSON_TYPE }),
    replace: async (owner, bytes, replaces) =>
      objects.write(nameOf(owner), bytes, { replaces, contentType: JSON_TYPE }),
    tenants: () => tenantsIn(objects, root),
  };
}

async function* tenantsIn(objects: GcsObjects, prefix: string): AsyncIterable<string> {
  for await (const { prefixes } of objects.pages({ prefix, delimiter: '/' }))
    for (const each of prefixes) {
      const tenant = each.slice(prefix.length, -1);
      if (isTenantId(tenant)) yield tenant;
    }
}
