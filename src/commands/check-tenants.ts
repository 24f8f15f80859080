import { join } from 'node:path';
import type { Config } from '../config.js';
import { messageOf } from '../errors.js';
import { dataPaths } from '../roles/stores.js';
import { listTenantFiles, readTenantFile } from '../tenants/config/tenant-file.js';
import { examplePath } from './example-path.js';
import { fail, ok, warn, type Finding } from './finding.js';

const CHECK = 'tenants';
const MAX_NAMED = 3;

/** Reads every tenant's file as a start does: one that it would leave out is named, with what is wrong. */
export async function checkTenants({ dataDir }: Pick<Config, 'dataDir'>): Promise<Finding> {
  const folder = dataPaths(dataDir).tenants;
  const names = await listTenantFiles(folder).catch(() => []);
  if (names.length === 0) {
    const fix = `headgate tenant apply ${examplePath('flights/tenants')}, or a folder of your own`;
    return warn(CHECK, 'none yet: every request is refused', fix);
  }
  const problems: string[] = [];
  for (const name of names)
    await readTenantFile(folder, name).catch((error: unknown) => problems.push(firstOf(error, name)));
  if (problems.length === 0) return ok(CHECK, `${names.length} in ${folder}`);
  const shown = problems.slice(0, MAX_NAMED).join('; ');
  return fail(
    CHECK,
    `${problems.length} of ${names.length} in ${folder} are invalid. ${shown}`,
    'correct a copy and apply it with headgate tenant apply: a start leaves such a tenant out, and its requests are refused',
  );

  function firstOf(error: unknown, name: string): string {
    const [first = ''] = messageOf(error).split('\n');
    return first.replace(`${join(folder, name)}:`, `${name}:`);
  }
}
