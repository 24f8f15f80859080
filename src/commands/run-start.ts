import { loadConfig, type Config } from '../config.js';
import { assertPortFree } from '../platform/ports.js';
import { HeadgateError } from '../errors.js';
import { assertTemporal } from './assert-temporal.js';
import { assertDataDirWritable } from './writable.js';

/** Runs all roles in one process group, after the tenant files of a directory have been applied, if one is given. */
export async function runAll({ tenants }: { readonly tenants?: string }): Promise<void> {
  const config = loadConfig();
  assertTemporal(config, 'start');
  await assertPlace(config, true);
  const { runRoles } = await import('./run-roles.js');
  await runRoles(config, { api: true, worker: true }, tenants);
}

/**
 * Runs one role alone.
 * @throws HeadgateError `CONFIG_INVALID`: there is no Temporal to meet the other roles in
 */
export async function runRole(role: 'api' | 'worker'): Promise<void> {
  const config = loadConfig();
  if (config.temporalAddress === undefined)
    throw new HeadgateError(
      'CONFIG_INVALID',
      `headgate ${role} needs TEMPORAL_ADDRESS, such as TEMPORAL_ADDRESS=127.0.0.1:7233. To run everything in one process group use headgate start.`,
    );
  await assertPlace(config, role === 'api');
  const { runRoles } = await import('./run-roles.js');
  await runRoles(config, { api: role === 'api', worker: role === 'worker' });
}

/** Looked at before anything is loaded or started: what is wrong is said in a fraction of a second. */
async function assertPlace({ dataDir, host, port, listeningSocket }: Config, api: boolean): Promise<void> {
  await assertDataDirWritable(dataDir);
  if (api && port !== 0 && listeningSocket === undefined)
    await assertPortFree(host, port, 'the API', 'HEADGATE_PORT');
}
