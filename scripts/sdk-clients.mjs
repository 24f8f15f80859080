/**
 * Builds the programs of test/sdks, which send events with SDKs of CloudEvents and of analytics, once: tests find
 * them automatically. What has no toolchain here is left out, which is said.
 *
 *   node scripts/sdk-clients.mjs            all
 *   node scripts/sdk-clients.mjs go rust    some, by their folders in test/sdks
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { oneAtATime } from './one-at-a-time.mjs';
import { runQuietly } from './run.mjs';
import { isBuilt, SDK_CLIENTS } from './sdk-list.mjs';
import { main } from './setup.mjs';
import { step } from './step.mjs';

async function build({ folder, built, copied, build: commands, kept }) {
  // What an earlier build left behind that did not get to its end.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  if (copied !== undefined) cpSync(copied, folder, { recursive: true });
  for (const [command, args, { env, ...options }] of commands)
    await runQuietly(command, args, { ...options, env: { ...process.env, ...env } });
  if (kept !== undefined) {
    copyFileSync(kept.from, kept.to);
    rmSync(kept.without, { recursive: true });
  }
  writeFileSync(built, '');
}

/** @returns what went wrong, undefined where nothing did */
async function ensure(client) {
  const [[toolchain]] = client.build;
  const builds = async () => {
    if (isBuilt(client)) return;
    if (isMissing(toolchain))
      console.log(`${client.language} is left out: ${toolchain} is not installed here.`);
    else await step(`Building the client in ${client.language}`, () => build(client));
  };
  try {
    await oneAtATime(client.folder, builds);
    return undefined;
  } catch (error) {
    return error.message;
  }
}

const isMissing = (command) => spawnSync(command, ['--help'], { stdio: 'ignore' }).error?.code === 'ENOENT';

await main(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => SDK_CLIENTS.every((client) => client.name !== name));
  if (unknown.length > 0) throw new Error(`test/sdks has no ${unknown.join(', ')}.`);
  let failed = 0;
  for (const client of SDK_CLIENTS) {
    if (asked.length > 0 && !asked.includes(client.name)) continue;
    const problem = await ensure(client);
    if (problem === undefined) continue;
    failed += 1;
    console.error(problem);
  }
  console.log('npm test -- test/api/sdk-clients.e2e.test.ts');
  return failed > 0 ? 1 : 0;
});
