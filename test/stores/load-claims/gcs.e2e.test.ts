import { createGcsLoadClaims } from '../../../src/stores/load-claims/gcs.js';
import { useFakeGcs } from '../../support/fake-gcs.js';
import { describeLoadClaims } from './conformance.js';

describe('claims of loads in Google Cloud Storage', () => {
  const fake = useFakeGcs('claims');

  describeLoadClaims(() => ({
    open: () =>
      createGcsLoadClaims({ bucket: fake().bucket.name, prefix: fake().prefix, endpoint: fake().endpoint }),
    putAt: (path, text) => fake().bucket.file(`${fake().prefix}/${path}`).save(text, { resumable: false }),
    files: async () => {
      const [found] = await fake().bucket.getFiles({ prefix: `${fake().prefix}/` });
      return found.map(({ name }) => name.slice(fake().prefix.length + 1)).sort();
    },
  }));
});
