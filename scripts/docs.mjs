/**
 * `npm run docs`: writes docs/reference/ and tenant.schema.json from the code. With `--check`, which is a part of
 * `npm run check`, it writes nothing: it fails when what is committed differs, or when a link between documents is broken.
 */
import { register } from 'tsx/esm/api';
import { main, ROOT } from './setup.mjs';

await main(async () => {
  // Help names examples as one types them here.
  process.chdir(ROOT);
  register();
  const { docsProblems, writeDocs } = await import('./docs/generate.mjs');
  if (!process.argv.includes('--check')) return writeDocs(ROOT);
  const found = await docsProblems(ROOT);
  for (const each of found) console.error(each);
  return found.length > 0 ? 1 : 0;
});
