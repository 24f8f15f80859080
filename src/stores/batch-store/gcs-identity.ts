import { GcsObjects } from '../gcs/gcs-objects.js';
import { MAX_RACES, racedError } from '../gcs/gcs-errors.js';
import type { GcsPlace } from '../gcs/place.js';
import { IDENTITY_FILE, StoreIdentity } from './store-identity.js';

const contentType = 'application/json';

/** The identity of the store in a bucket: the object `<prefix>/.store.json`. */
export function gcsStoreIdentity({ bucket, prefix, endpoint }: GcsPlace): StoreIdentity {
  const objects = new GcsObjects(bucket, endpoint);
  const name = prefix === '' ? IDENTITY_FILE : `${prefix}/${IDENTITY_FILE}`;
  return new StoreIdentity({
    place: `gs://${bucket}/${name}`,
    read: () => objects.read(name),
    create: (bytes) => objects.write(name, bytes, { contentType }),
    replace: async (bytes) => {
      for (let races = 0; races < MAX_RACES; races++) {
        const replaces = (await objects.readVersion(name))?.generation;
        if (await objects.write(name, bytes, { contentType, replaces })) return;
      }
      throw racedError(name);
    },
  });
}
