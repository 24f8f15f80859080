/** Lints the OpenAPI document that src/api describes itself by, as redocly.yaml says: a part of `npm run check`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { register } from 'tsx/esm/api';
import { runQuietly } from './run.mjs';
import { main, ROOT } from './setup.mjs';

const CACHE = join(ROOT, 'node_modules', '.cache', 'headgate');
const FILE = join(CACHE, 'openapi.json');
const REDOCLY = createRequire(import.meta.url).resolve('@redocly/cli/bin/cli.js');
/** It asks and tells nobody. */
const ALONE = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };

await main(async () => {
  register();
  const { openApiDocument } = await import('../src/api/openapi/document.ts');
  const { ROUTES } = await import('../src/api/routes.ts');
  const { headgateVersion } = await import('../src/version.ts');
  await mkdir(CACHE, { recursive: true });
  await writeFile(FILE, JSON.stringify(openApiDocument(ROUTES, headgateVersion()), null, 2));
  await runQuietly(process.execPath, [REDOCLY, 'lint', FILE, '--config', join(ROOT, 'redocly.yaml')], {
    cwd: ROOT,
    env: { ...process.env, ...ALONE },
  });
});
