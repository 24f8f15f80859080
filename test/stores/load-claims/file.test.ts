import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { createFileLoadClaims } from '../../../src/stores/load-claims/file.js';
import { useTempDir } from '../../support/temp-dir.js';
import { describeLoadClaims } from './conformance.js';

describe('claims of loads in a directory', () => {
  const dir = useTempDir();

  describeLoadClaims(() => ({
    open: () => createFileLoadClaims(dir()),
    putAt: (path, text) => {
      mkdirSync(dirname(join(dir(), path)), { recursive: true });
      writeFileSync(join(dir(), path), text);
      return Promise.resolve();
    },
    files: () =>
      Promise.resolve(
        readdirSync(dir(), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map(({ parentPath, name }) => relative(dir(), join(parentPath, name)).split(sep).join('/'))
          .sort(),
      ),
  }));
});
