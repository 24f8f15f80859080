import { loadConfig, unknownVariables, type Config } from '../config.js';
import { HeadgateError } from '../errors.js';
import { createLogger } from '../observability/logger.js';
import { startNode, type Roles } from '../roles/node.js';
import { dataPaths } from '../roles/stores.js';
import { describePlace } from '../stores/state/postgres-place.js';
import { applyTenantFiles } from '../tenant-config/registry.js';
import { assertTemporal } from './assert-temporal.js';
import { endWithLog } from './broken-pipe.js';
import { awaitEnding, runUntilEnded } from './run-node.js';
import { assertDataDirWritable } from './writable.js';

/** Runs all roles in one process group, after the tenant files of a directory have been applied, if one is given. */
export async function runAll({ tenants }: { readonly tenants?: string }): Promise<void> {
  const config = loadConfig();
  assertTemporal(config, 'start');
  await assertDataDirWritable(config.dataDir);
  const { tenants: dir, tenantVersions: versions } = dataPaths(config.dataDir);
  if (tenants !== undefined) await applyTenantFiles({ source: tenants, dir, versions });
  await run(config, { api: true, worker: true });
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
  await assertDataDirWritable(config.dataDir);
  await run(config, { api: role === 'api', worker: role === 'worker' });
}

async function run(config: Config, roles: Roles): Promise<void> {
  const log = createLogger(config.logLevel, endWithLog);
  for (const warning of unknownVariables()) log.warn(warning);
  const ending = awaitEnding();
  const node = await startNode({
    config,
    roles,
    log,
    onProgress: (message) => log.info(message),
    onFatal: ending.fail,
    signal: ending.signal,
  }).catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  if (node === undefined) return log.info('stopped before it was ready');
  const tenants = node.registry.list().length;
  const { address, uiUrl, namespace } = node.temporal;
  log.info(
    {
      url: node.url,
      metrics: node.metricsUrl,
      dataDir: config.dataDir,
      state: config.state && describePlace(config.state),
      tenants,
      temporal: address,
      namespace,
      temporalUi: uiUrl,
      ack: config.ack,
    },
    'ready',
  );
  if (tenants === 0) log.warn('no tenant is configured; apply some: headgate tenant apply DIR');
  if (config.jwks === undefined && roles.api)
    log.warn('tokens are verified with the development key; set HEADGATE_JWKS in production');
  await runUntilEnded(node, ending, { graceSeconds: config.shutdownGraceSeconds, log });
  log.info('stopped');
}
