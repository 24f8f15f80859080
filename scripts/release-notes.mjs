/**
 * CHANGELOG.md at a release of the version in package.json:
 *
 *   node scripts/release-notes.mjs cut       moves what is unreleased under the version
 *   node scripts/release-notes.mjs print     prints the version's section
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cut, notesOf } from './release/changelog.mjs';
import { main, ROOT } from './setup.mjs';

await main(async () => {
  const path = join(ROOT, 'CHANGELOG.md');
  const text = readFileSync(path, 'utf8');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const [what] = process.argv.slice(2);
  if (what === 'cut') writeFileSync(path, cut(text, version, new Date().toISOString().slice(0, 10)));
  else if (what === 'print') console.log(notesOf(text, version));
  else throw new Error('Say cut or print.');
});
