import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A stamp is a small file beside something that was made, with the hash of what it was made from. Hashes, not times: a
 * checkout or a copy sets every time anew.
 */
export class Stamp {
  /**
   * @param {string} file
   * @param {string[]} sources files and folders that what was made depends on
   */
  constructor(file, sources) {
    this.file = file;
    this.sources = sources;
  }

  /** True when what was made is there and nothing it depends on has changed. */
  isFresh() {
    return existsSync(this.file) && readFileSync(this.file, 'utf8') === hashOf(this.sources);
  }

  /** To be called when it has been made. */
  write() {
    writeFileSync(this.file, hashOf(this.sources));
  }
}

function hashOf(sources) {
  const hash = createHash('sha256');
  for (const file of sources.flatMap(filesIn))
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function filesIn(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)));
}
