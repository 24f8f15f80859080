import { readdir, readFile, statfs } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pc from 'picocolors';
import { SECOND_MS } from '../platform/time.js';
import { loadConfig, type Config } from '../config.js';
import { ownClient } from '../temporal/own-client.js';
import { connectTemporal, temporalFromEnvironment } from '../temporal/connect.js';
import { clockAheadMs } from '../temporal/temporal-clock.js';
import { findTemporalBinary } from '../temporal/dev-server/find-server.js';
import { isPortFree } from '../platform/ports.js';
import { messageOf } from '../errors.js';
import { isLoopback } from '../platform/loopback.js';
import { printable } from '../platform/printable.js';
import { dataPaths } from '../roles/stores.js';
import { checkBatchKey, checkBatches } from './check-batches.js';
import { checkDataDirectory, existingFolder } from './check-data-directory.js';
import { checkNamespace } from './check-namespace.js';
import { aboutPartitions, partitionsOf } from './check-partitions.js';
import { checkState } from './check-state.js';
import { checkSubscriptions } from './check-subscriptions.js';
import { checkTenants } from './check-tenants.js';
import { checkBigQueryTenants } from './check-warehouses.js';
import { fail, ok, warn, type Finding } from './finding.js';
import { runningServer } from './running-temporal.js';

const GIGABYTE = 1024 ** 3;

/** Makes all checks and prints what they have found; exit code 1 when something fails. */
export async function runDoctor({ json }: { readonly json?: boolean }): Promise<void> {
  const config = loadConfig();
  const findings = await examine(config);
  const text =
    json === true
      ? printable(JSON.stringify(findings.map(printed), undefined, 2))
      : findings.map(formatter(config)).join('\n');
  process.stdout.write(`${text}\n`);
  if (findings.some(({ verdict }) => verdict === 'fail')) process.exitCode = 1;
}

/** Makes all checks; each answers alone, and none throws. */
export async function examine(config: Config): Promise<Finding[]> {
  const own = config.temporalAddress === undefined;
  const { state } = config;
  const findings = await Promise.all([
    checkNode(process.versions.node),
    guard('data directory', () => checkDataDirectory(config)),
    guard('disk', () => checkDisk(config)),
    ...(config.batches === undefined ? [] : [guard('batches', () => checkBatches(config))]),
    guard('batch key', () => checkBatchKey(config)),
    ...(state === undefined ? [] : [guard('state', () => checkState(state))]),
    guard(`port ${config.port}`, () => checkApiPort(config)),
    ...(config.metricsPort === undefined
      ? []
      : [guard(`port ${config.metricsPort}`, () => checkMetricsPort(config))]),
    ...ownPorts(config).map((port, index) =>
      guard(`port ${port}`, () =>
        checkTemporalPort(config, port, index === 0 ? 'HEADGATE_TEMPORAL_PORT' : 'HEADGATE_TEMPORAL_UI_PORT'),
      ),
    ),
    guard('temporal', () => (own ? checkOwnTemporal(config) : checkGivenTemporal(config))),
    ...(own ? [] : [guard('namespace', () => checkNamespace(config))]),
    guard('clock', () => checkClock(config)),
    guard('tenants', () => checkTenants(config)),
    guard('keys', () => checkKeys(config)),
  ]);
  return [...findings, ...(await checkSubscriptions(config)), ...(await checkBigQueryTenants(config))];
}

/** Of the own server: gRPC, then its UI. */
function ownPorts({ temporalAddress, temporalPort, temporalUi, temporalUiPort }: Config): number[] {
  if (temporalAddress !== undefined) return [];
  return temporalUi === 'off' ? [temporalPort] : [temporalPort, temporalUiPort];
}

async function guard(check: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    return fail(check, messageOf(error), 'this is not expected: look at the message');
  }
}

/** Node 20.19 or newer. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', version);
  return fail('node', version, 'install Node 20.19 or newer: https://nodejs.org');
}

async function checkDisk({ dataDir, minFreeDiskBytes, maxSpoolBytes }: Config): Promise<Finding> {
  const { bavail, bsize } = await statfs(existingFolder(dataDir));
  const free = bavail * bsize;
  const found = `${(free / GIGABYTE).toFixed(1)} GB free for ${dataDir}`;
  const fix =
    'free some space, or set HEADGATE_DATA_DIR (or HEADGATE_MIN_FREE_DISK, HEADGATE_MAX_SPOOL) otherwise';
  if (free < minFreeDiskBytes) return fail('disk', `${found}: the API answers 503`, fix);
  if (free < minFreeDiskBytes + maxSpoolBytes)
    return warn('disk', `${found}, less than the spool may grow to`, fix);
  return ok('disk', found);
}

async function checkApiPort({ host, port }: Config): Promise<Finding> {
  const check = `port ${port}`;
  if (port === 0 || (await isPortFree(host, port))) return ok(check, 'free for the API');
  const answer = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(2 * SECOND_MS) })
    .then((response) => response.ok)
    .catch(() => false);
  if (answer) return ok(check, 'in use, by something that answers /healthz: a running Headgate, it seems');
  return fail(check, 'in use by another program', 'stop it, or set HEADGATE_PORT to a free port');
}

async function checkMetricsPort({ host, metricsPort = 0 }: Config): Promise<Finding> {
  const check = `port ${metricsPort}`;
  if (metricsPort === 0 || (await isPortFree(host, metricsPort))) return ok(check, 'free for metrics');
  const isMetrics = await fetch(`http://${host}:${metricsPort}/metrics`, {
    signal: AbortSignal.timeout(2 * SECOND_MS),
  })
    .then(async (response) => (await response.text()).includes('headgate_'))
    .catch(() => false);
  if (isMetrics) return ok(check, 'in use, by something that serves metrics of a Headgate');
  return fail(check, 'in use by another program', 'stop it, or set HEADGATE_METRICS_PORT to a free port');
}

async function checkTemporalPort(config: Config, port: number, variable: string): Promise<Finding> {
  const check = `port ${port}`;
  if (await isPortFree('127.0.0.1', port)) return ok(check, "free for Temporal's server");
  const running = runningServer(config);
  if (running !== undefined && [running.address, running.uiUrl].some((each) => each?.endsWith(`:${port}`)))
    return ok(check, "in use by this data directory's Temporal server");
  return fail(check, 'in use by another program', `stop it, or set ${variable} to a free port`);
}

async function checkOwnTemporal(config: Config): Promise<Finding> {
  const running = runningServer(config);
  if (running !== undefined) return checkReachable({ address: running.address }, config.temporalNamespace);
  const { temporalCli, path, cacheDir } = config;
  const found = await findTemporalBinary({ env: { explicitPath: temporalCli, path }, cacheDir });
  if (found === undefined)
    return warn(
      'temporal',
      'no server binary yet',
      'the first start downloads or builds one; or install the Temporal CLI, or set TEMPORAL_ADDRESS',
    );
  const { stdout } = await promisify(execFile)(found.path, ['--version'], { timeout: 10 * SECOND_MS });
  return ok('temporal', `not running; ${found.path} (${found.source}) is ${stdout.trim()}`);
}

async function checkGivenTemporal(config: Config): Promise<Finding> {
  const { connect, namespace } = temporalFromEnvironment(config.temporalAddress as string);
  return checkReachable(connect, namespace ?? config.temporalNamespace);
}

async function checkReachable(
  connect: Parameters<typeof connectTemporal>[0],
  namespace: string,
): Promise<Finding> {
  try {
    const connection = await connectTemporal(connect);
    try {
      const { serverVersion } = await connection.workflowService.getSystemInfo({});
      await connection.workflowService.describeNamespace({ namespace });
      const answers = `${connect.address} answers for namespace "${namespace}", server ${serverVersion}`;
      const partitions = await partitionsOf(connection.workflowService, namespace);
      return aboutPartitions(answers, partitions) ?? ok('temporal', answers);
    } finally {
      await connection.close();
    }
  } catch (error) {
    const fix =
      'see that it runs and that TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and TEMPORAL_TLS* are right';
    return fail('temporal', messageOf(error), fix);
  }
}

/**
 * Compares with Temporal's clock or, where that is a server of our own, with the `Date` of an HTTP answer, which has seconds.
 * Without a remote party there is nothing to compare with, and it says so.
 */
async function checkClock(config: Config): Promise<Finding> {
  const { temporalUiUrl, jwks } = config;
  const aheadMs = await clockAheadOfTemporal(config).catch(() => undefined);
  if (aheadMs !== undefined) return clockFinding(Math.round(Math.abs(aheadMs) / SECOND_MS), 'Temporal');
  const url = [temporalUiUrl, jwks].find((each) => each !== undefined && /^https?:/.test(each));
  const now = new Date().toISOString();
  if (url === undefined) return ok('clock', `${now}; nothing remote is configured to compare it with`);
  const sent = Date.now();
  const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(5 * SECOND_MS) }).catch(
    () => undefined,
  );
  const remote = Date.parse(response?.headers.get('date') ?? '');
  if (Number.isNaN(remote)) return ok('clock', `${now}; ${url} gave no time to compare it with`);
  return clockFinding(Math.round(Math.abs((sent + Date.now()) / 2 - remote) / SECOND_MS), new URL(url).host);
}

async function clockAheadOfTemporal(config: Config): Promise<number | undefined> {
  if (config.temporalAddress === undefined) return undefined;
  const { connect, namespace = config.temporalNamespace } = temporalFromEnvironment(config.temporalAddress);
  const connection = await connectTemporal(connect);
  try {
    return await clockAheadMs(ownClient({ connection, namespace }));
  } finally {
    await connection.close();
  }
}

function clockFinding(offSeconds: number, remote: string): Finding {
  const found = `${offSeconds} s off the clock of ${remote}`;
  const fix = 'synchronise the clock (NTP): tokens expire and load windows close by it';
  const check = 'clock';
  if (offSeconds <= 2) return ok(check, found);
  return offSeconds <= 30 ? warn(check, found, fix) : fail(check, found, fix);
}

async function filesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function checkKeys({ jwks, dataDir, host, developmentKey }: Config): Promise<Finding> {
  if (jwks === undefined) {
    if (!isLoopback(host) && developmentKey === 'loopback')
      return fail(
        'keys',
        `none of your own, and other machines reach ${host}: the API refuses to start`,
        'set HEADGATE_JWKS to your key set, or HEADGATE_DEVELOPMENT_KEY=anywhere',
      );
    const made = (await filesIn(dataPaths(dataDir).keys)).length > 0;
    const found = made ? 'a development key pair' : 'none yet; the first start makes a development key pair';
    return warn('keys', found, 'for production set HEADGATE_JWKS to your key set');
  }
  if (/^https?:/.test(jwks)) {
    const response = await fetch(jwks, { signal: AbortSignal.timeout(5 * SECOND_MS) }).catch(() => undefined);
    if (response?.ok === true) return ok('keys', jwks);
    return fail('keys', `${jwks} does not answer`, 'correct HEADGATE_JWKS, or the network between');
  }
  const { keys } = JSON.parse(await readFile(jwks, 'utf8').catch(() => '{}')) as { keys?: unknown[] };
  if (keys !== undefined && keys.length > 0) return ok('keys', `${keys.length} in ${jwks}`);
  return fail(
    'keys',
    `${jwks} is not a readable key set`,
    'correct HEADGATE_JWKS: {"keys": [ … ]} (RFC 7517)',
  );
}

/** A finding as programs read it: they know what to do about it as `mend`. */
function printed({ fix, ...finding }: Finding): object {
  return { ...finding, mend: fix };
}

function formatter({ color }: Config): (finding: Finding) => string {
  const paint = pc.createColors(color && process.stdout.isTTY);
  const marks = { ok: paint.green('ok  '), warn: paint.yellow('warn'), fail: paint.red('fail') };
  return ({ check, verdict, found, fix }) => {
    const line = `${marks[verdict]}  ${check.padEnd(14)}  ${printable(found)}`;
    return fix === undefined ? line : `${line}\n${' '.repeat(22)}${paint.dim(`→ ${printable(fix)}`)}`;
  };
}
