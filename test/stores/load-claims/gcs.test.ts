import { createGcsLoadClaims } from '../../../src/stores/load-claims/gcs.js';
import { skipWithoutFakeGcs, startFakeGcs, type FakeGcs } from '../../support/fake-gcs.js';
import { describeLoadClaims } from './conformance.js';

describe('claims of loads in Google Cloud Storage', () => {
  let gcs: FakeGcs | undefined;
  let tests = 0;
  let prefix: string;

  before(async function () {
    skipWithoutFakeGcs(this);
    gcs = await startFakeGcs();
  });
  beforeEach(() => {
    prefix = `claims/test-${++tests}`;
  });
  after(() => gcs?.stop());

  const fake = (): FakeGcs => gcs as FakeGcs;

  describeLoadClaims(() => ({
    open: () => createGcsLoadClaims({ bucket: fake().bucket.name, prefix, endpoint: fake().endpoint }),
    putAt: (path, text) => fake().bucket.file(`${prefix}/${path}`).save(text, { resumable: false }),
    files: async () => {
      const [found] = await fake().bucket.getFiles({ prefix: `${prefix}/` });
      return found.map(({ name }) => name.slice(prefix.length + 1)).sort();
    },
  }));
});
