import { Command } from 'commander';
import { loadConfig, type Config } from '../config.js';
import { HeadgateError } from '../errors.js';
import { createLogger } from '../observability/logger.js';
import { startNode, type Roles } from '../roles/node.js';
import { dataPaths } from '../roles/stores.js';
import { describePlace } from '../stores/state/postgres-place.js';
import { applyTenantFiles } from '../tenant-config/registry.js';
import { awaitEnding, runUntilEnded } from './run-node.js';

/** `headgate start`: API, workers and Temporal in one process group. */
export function startCommand(): Command {
  return new Command('start')
    .description(
      'run everything: API, workers and, unless TEMPORAL_ADDRESS is set, a Temporal server of its own',
    )
    .option('--tenants <dir>', 'apply the tenant files of a directory first')
    .addHelpText(
      'after',
      `
Examples:
  $ headgate start --tenants examples/flights/tenants
  $ HEADGATE_PORT=9090 HEADGATE_DATA_DIR=/var/lib/headgate headgate start
  $ TEMPORAL_ADDRESS=temporal.internal:7233 headgate start`,
    )
    .action(async ({ tenants }: { tenants?: string }) => {
      const config = loadConfig();
      const { tenants: dir, tenantVersions: versions } = dataPaths(config.dataDir);
      if (tenants !== undefined) await applyTenantFiles({ source: tenants, dir, versions });
      await run(config, { api: true, worker: true });
    });
}

/** `headgate api`: the API role alone. */
export function apiCommand(): Command {
  return new Command('api')
    .description(
      'run the API alone; needs TEMPORAL_ADDRESS, and `headgate worker` on the same data directory',
    )
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=127.0.0.1:7233 headgate api')
    .action(() => run(withTemporal(loadConfig(), 'api'), { api: true, worker: false }));
}

/** `headgate worker`: the worker role alone. */
export function workerCommand(): Command {
  return new Command('worker')
    .description(
      'run workflows and activities alone; needs TEMPORAL_ADDRESS; as many as you like on one data directory',
    )
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=127.0.0.1:7233 headgate worker')
    .action(() => run(withTemporal(loadConfig(), 'worker'), { api: false, worker: true }));
}

/** Roles in processes of their own meet in a Temporal that neither of them runs. */
function withTemporal(config: Config, role: string): Config {
  if (config.temporalAddress !== undefined) return config;
  throw new HeadgateError(
    'CONFIG_INVALID',
    `headgate ${role} needs TEMPORAL_ADDRESS, such as TEMPORAL_ADDRESS=127.0.0.1:7233. To run everything in one process group use headgate start.`,
  );
}

async function run(config: Config, roles: Roles): Promise<void> {
  const log = createLogger(config.logLevel);
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
