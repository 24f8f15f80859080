import { unknownVariables, type Config } from '../config.js';
import { createLogger, type Logger } from '../platform/logger.js';
import { leftOfNew } from '../removal/left-behind.js';
import { startNode, type HeadgateNode } from '../roles/node.js';
import type { Roles } from '../roles/roles.js';
import { dataPaths } from '../roles/stores.js';
import { describePlace } from '../stores/state/postgres-place.js';
import { applyTenantFiles, type TenantToApply } from '../tenants/config/registry.js';
import { endWithLog } from './broken-pipe.js';
import { awaitEnding, runUntilEnded } from './run-node.js';

/**
 * Runs roles until the process is told to stop.
 * @param tenants a directory of tenant files to apply first
 */
export async function runRoles(config: Config, roles: Roles, tenants?: string): Promise<void> {
  const log = createLogger(config.logLevel, endWithLog);
  await applyFirst(config, tenants, log);
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
  sayReady(node, config, roles, log);
  await runUntilEnded(node, ending, { graceSeconds: config.shutdownGraceSeconds, log });
  log.info('stopped');
}

/** A start is not refused for what one tenant has left; `headgate tenant apply` would be. */
async function applyFirst(config: Config, source: string | undefined, log: Logger): Promise<void> {
  const paths = dataPaths(config.dataDir);
  const { tenants: dir, tenantVersions: versions } = paths;
  const check = (tenants: readonly TenantToApply[]): Promise<void> => {
    for (const [tenant, left] of leftOfNew(paths, tenants))
      log.warn(
        { tenant, left: left.map(({ path }) => path) },
        'a tenant that was away goes on with what was kept of it',
      );
    return Promise.resolve();
  };
  if (source !== undefined) await applyTenantFiles({ source, dir, versions, check, reach: config });
}

function sayReady(node: HeadgateNode, config: Config, roles: Roles, log: Logger): void {
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
  if (node.temporal.ownServer)
    log.warn(
      { temporal: address, temporalUi: uiUrl },
      "Temporal's own server asks nobody who they are: whoever reaches these addresses of this machine can read and change everything; set TEMPORAL_ADDRESS in production",
    );
  if (tenants === 0) log.warn('no tenant is configured; apply some: headgate tenant apply DIR');
  if (config.jwks === undefined && roles.api)
    log.warn('tokens are verified with the development key; set HEADGATE_JWKS in production');
}
