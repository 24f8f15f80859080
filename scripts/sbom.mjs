/**
 * Writes headgate-<version>.cdx.json into a folder: what an installation may get, in the form of CycloneDX, by `npm sbom`
 * from package-lock.json alone. A release has it beside its notes.
 *
 *   node scripts/sbom.mjs [folder]
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { completed } from './release/sbom.mjs';
import { NPM } from './run.mjs';
import { main, ROOT } from './setup.mjs';

await main(async () => {
  const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const wanted = ['--sbom-format', 'cyclonedx', '--omit', 'dev', '--package-lock-only'];
  const made = execFileSync(NPM.command, ['sbom', ...wanted], {
    cwd: ROOT,
    encoding: 'utf8',
    shell: NPM.shell,
    maxBuffer: 64 * 1024 * 1024,
  });
  const path = join(resolve(process.argv[2] ?? '.'), `${name}-${version}.cdx.json`);
  writeFileSync(path, `${JSON.stringify(completed(JSON.parse(made), name), undefined, 2)}\n`);
  console.log(path);
});
