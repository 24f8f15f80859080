/** `npm run check` runs this: it fails on a package with a license that is not allowed, see scripts/release/licenses.mjs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { licenseProblems } from './release/licenses.mjs';
import { main, ROOT } from './setup.mjs';

await main(async () => {
  const problems = licenseProblems(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
});
