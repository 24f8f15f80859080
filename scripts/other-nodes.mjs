import { existsSync, mkdirSync } from 'node:fs';
import { NPM, runQuietly } from './run.mjs';
import { main } from './setup.mjs';
import { step } from './step.mjs';
import { OTHER_NODES } from './test-programs.mjs';

/** Installs other versions of Node, for the tests that run what must be the same on each; they find them automatically. */
await main(async () => {
  for (const version of OTHER_NODES.versions) {
    if (existsSync(OTHER_NODES.binaryOf(version))) continue;
    const folder = OTHER_NODES.folderOf(version);
    mkdirSync(folder, { recursive: true });
    const options = ['--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
    await step(`Installing Node ${version}`, () =>
      runQuietly(NPM.command, ['install', ...options, `${OTHER_NODES.package}@${version}`], {
        cwd: folder,
        shell: NPM.shell,
      }),
    );
  }
  console.log('npm test -- test/expressions/other-nodes.e2e.test.ts');
});
