import { unknownVariables, type Config } from '../config.js';
import type { Logger } from '../platform/logger.js';
import { leftOfNew } from '../removal/left-behind.js';
import { startNode, type HeadgateNode } from '../roles/node.js';
import type { Roles } from '../roles/roles.js';
import { dataPaths } from '../roles/stores.js';
import { describePlace } from '../stores/state/postgres-place.js';
import { applyTenantFiles, type TenantToApply } from '../tenants/config/registry.js';
import { endWithLog } from './broken-pipe.js';
import { openLog } from './open-log.js';
import { commandAuthor } from './note-act.js';
import { awaitEnding, runUntilEnded } from './run-node.js';

/**
 * Runs roles until the process is told to stop.
 * @param tenants a directory of tenant files to apply first
 */
export async function runRoles(config: Config, roles: Roles, tenants?: string): Promise<void> {
  const log = await openLog(config, config.logLevel, endWithLog);
  await applyFirst(config, tenants, log);
  for (const unknown of unknownVariables()) log.warn('VARIABLE_UNKNOWN', unknown);
  const ending = awaitEnding();
  const node = await startNode({
    config,
    roles,
    log,
    onProgress: (progress) => log.info('TEMPORAL_SERVER_PROGRESS', { progress }),
    onFatal: ending.fail,
    signal: ending.signal,
  }).catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  if (node === undefined) return log.info('STOPPED_BEFORE_READY');
  sayReady(node, config, roles, log);
  await runUntilEnded(node, ending, { graceSeconds: config.shutdownGraceSeconds, log });
  log.info('STOPPED');
}

/** A start is not refused for what one tenant has left; `headgate tenant apply` would be. */
async function applyFirst(config: Config, source: string | undefined, log: Logger): Promise<void> {
  const paths = dataPaths(config.dataDir);
  const { tenants: dir, tenantVersions: versions } = paths;
  const check = (tenants: readonly TenantToApply[]): Promise<void> => {
    for (const [tenant, left] of leftOfNew(paths, tenants))
      log.warn('TENANT_RETURNED', { tenant, paths: left.map(({ path }) => path) });
    return Promise.resolve();
  };
  if (source !== undefined)
    await applyTenantFiles({ source, dir, versions, check, reach: config, author: commandAuthor() });
}

function sayReady(node: HeadgateNode, config: Config, roles: Roles, log: Logger): void {
  const tenants = node.registry.list().length;
  const { address, uiUrl, namespace } = node.temporal;
  log.info('READY', {
    url: node.url,
    metrics: node.metricsUrl,
    dataDir: config.dataDir,
    state: config.state && describePlace(config.state),
    tenants,
    temporal: address,
    namespace,
    temporalUi: uiUrl,
    ack: config.ack,
  });
  if (node.temporal.ownServer) log.warn('TEMPORAL_SERVER_OPEN', { temporal: address, temporalUi: uiUrl });
  if (tenants === 0) log.warn('NO_TENANTS');
  if (config.jwks === undefined && roles.api) log.warn('DEVELOPMENT_KEY_IN_USE');
}
