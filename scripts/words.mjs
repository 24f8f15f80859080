/** `npm run check` runs this: it fails on words of scripts/word-list.mjs. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { main, ROOT } from './setup.mjs';
import { wrongWordsIn } from './word-list.mjs';

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
const DOCUMENT_FOLDERS = ['docs', 'packages/client/README.md'];
const CODE = ['src', 'packages/client/src', 'scripts'];

/** What is not checked, and why. */
const LEFT_OUT = {
  'docs/verified': 'output of one day',
  'docs/reference/cli.md': 'made from the code, where the words are checked',
  'docs/reference/configuration.md': 'made from the code',
  'docs/reference/errors.md': 'made from the code',
  'docs/reference/metrics.md': 'made from the code',
  'docs/reference/tenant-file.md': 'made from the code',
  'scripts/word-list.mjs': 'it has the words themselves',
};

/** The files of some folders, without those that are not checked. */
function filesOf(places, ending) {
  const files = places.flatMap((place) => {
    const path = join(ROOT, place);
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true }).map((name) => join(path, name));
  });
  const skipped = Object.keys(LEFT_OUT);
  return files
    .map((path) => relative(ROOT, path))
    .filter((file) => ending.test(file))
    .filter((file) => !skipped.some((place) => file === place || file.startsWith(`${place}/`)));
}

await main(async () => {
  const files = [...filesOf([...DOCUMENTS, ...DOCUMENT_FOLDERS], /\.md$/), ...filesOf(CODE, /\.(?:ts|mjs)$/)];
  const problems = files.flatMap((file) => wrongWordsIn(file, readFileSync(join(ROOT, file), 'utf8')));
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
});
